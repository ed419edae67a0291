"""A broker's no costs what it concerns: the topic, the size, the message, the moment; never the line."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from livetomo.publish.mqtt.publisher import Publisher
from livetomo.publish.mqtt.refusals import REFUSALS, TAKEN_OVER, Counted
from livetomo.publish.payloads.events import Message, MessageSettings
from livetomo.publish.payloads.topics import Topics
from tests.publish.brokers import Real
from tests.publish.event_logs import MemoryStore, event_log
from tests.publish.memory_broker import MemoryBroker
from tests.servers import Mosquitto, Wire, need

TOPICS = Topics("facility", "main")
SETTINGS = MessageSettings(TOPICS)
NAMES = ("TS_01", "TS_02", "TS_03")
OTHERS = 4  # of the five events of a tomogram


class Counts:
    def __init__(self) -> None:
        self.refused: list[Counted] = []
        self.shortened = 0

    def message_refused(self, reason: Counted) -> None:
        self.refused.append(reason)

    def message_shortened(self) -> None:
        self.shortened += 1


class Pauses(list[float]):
    """Waits no longer than it takes to turn to others."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def publishing(transport: object, store: MemoryStore, **more: object) -> AsyncIterator[tuple[Publisher, Counts]]:
    counts = Counts()
    publisher = Publisher(SETTINGS, store, transport, observer=counts, **{"pause": Pauses()} | more)  # type: ignore[arg-type]
    task = asyncio.create_task(publisher.run())
    try:
        async with asyncio.timeout(20):
            yield publisher, counts
    finally:
        task.cancel()
        await asyncio.wait([task])


def reported(log: list[Message]) -> list[tuple[str, str]]:
    """(tomogram, schema) of the events that came, each once."""
    bodies = [json.loads(message.payload) for message in log if message.payload.startswith(b"{")]
    kinds = {body["event_id"]: (body["tomogram"], body["schema"].split("/")[1]) for body in bodies}
    return list(kinds.values())


def is_picks(message: Message) -> bool:
    return "/picks/" in message.topic


COSTS_THE_MESSAGE = [code for code, refusal in REFUSALS.items() if refusal.cost in ("topic", "message", "moment")]


@pytest.mark.parametrize("code", COSTS_THE_MESSAGE, ids=hex)
async def test_what_is_refused_is_passed_over_said_once_and_counted_and_all_else_goes_on(
    code: int, caplog: pytest.LogCaptureFixture
) -> None:
    broker, store = MemoryBroker(), MemoryStore(event_log(*NAMES))
    broker.refuses = lambda message: code if is_picks(message) else None
    async with publishing(broker, store) as (publisher, counts):
        await store.caught_up()
        assert broker.connections == 1
        assert len(reported(broker.log)) == OTHERS * len(NAMES)
        assert counts.refused == [REFUSALS[code].counted] * len(NAMES)
        (problem,) = publisher.problems()
        assert "livetomo/facility/main/krios1/+/+/picks/ribosome" in problem.message
        assert REFUSALS[code].words in problem.message
        assert sum("skipped" in record.message for record in caplog.records) == 1
        broker.refuses = lambda message: None
        await store.append(*event_log("TS_04"))
        await store.caught_up()
        assert list(publisher.problems()) == []


@pytest.mark.parametrize("code", [0x80, 0x83, 0x97], ids=hex)
async def test_what_is_refused_for_a_moment_is_not_lost(code: int) -> None:
    broker, store = MemoryBroker(), MemoryStore(event_log(*NAMES))
    moments = 3
    broker.refuses = lambda message: code if is_picks(message) and len(pauses) < moments else None
    pauses = Pauses()
    async with publishing(broker, store, pause=pauses) as (_, counts):
        await store.caught_up()
    assert len(reported(broker.log)) == (OTHERS + 1) * len(NAMES)
    assert (broker.connections, counts.refused) == (1, [])


@pytest.mark.parametrize("code", [0, *COSTS_THE_MESSAGE[1:2], 0x87, 0x95], ids=hex)
async def test_a_broker_that_hangs_up_over_a_topic_costs_that_topic(code: int) -> None:
    broker, store = MemoryBroker(), MemoryStore(event_log(*NAMES))
    broker.hangs_up = lambda message: code if "/result" in message.topic else None
    async with publishing(broker, store) as (_, counts):
        await store.caught_up()
    assert len(reported(broker.log)) == OTHERS * len(NAMES)
    assert len(counts.refused) == len(NAMES)
    # A kind is forbidden once; a size is of each message; and silence is believed after six times: two of the whole
    # message, four of the shorter one.
    assert broker.connections <= {0x87: 2, 0x95: 1 + 2 * len(NAMES), 0: 7}.get(code, 1 + len(NAMES))


def size_limits() -> Iterator[tuple[str, Callable[[MemoryBroker], None]]]:
    most = 1500

    def refuse(broker: MemoryBroker) -> None:
        broker.refuses = lambda message: 0x95 if len(message.payload) > most else None

    def hang_up(broker: MemoryBroker) -> None:
        broker.hangs_up = lambda message: 0x95 if len(message.payload) > most else None

    def hang_up_in_silence(broker: MemoryBroker) -> None:
        broker.gives_reasons = False
        broker.hangs_up = lambda message: 0 if len(message.payload) > most else None

    def say_at_the_connection(broker: MemoryBroker) -> None:
        broker.largest = most

    yield "refused", refuse
    yield "hung up", hang_up
    yield "hung up in silence", hang_up_in_silence
    yield "said at the connection", say_at_the_connection


@pytest.mark.parametrize(("how", "limit"), [*size_limits()], ids=[how for how, _ in size_limits()])
async def test_a_message_that_is_too_large_is_sent_shorter(how: str, limit: Callable[[MemoryBroker], None]) -> None:
    broker, store = MemoryBroker(), MemoryStore(event_log(*NAMES, picks=300))
    limit(broker)
    async with publishing(broker, store) as (publisher, counts):
        await store.caught_up()
        assert list(publisher.problems()) == []
    assert len(reported(broker.log)) == (OTHERS + 1) * len(NAMES)
    assert (counts.refused, counts.shortened) == ([], len(NAMES))
    assert broker.connections <= 3
    for message in filter(is_picks, broker.log):
        body = json.loads(message.payload)
        assert (body["picks"], body["truncated"], body["shortened"], body["count"]) == ([], True, True, 300)
        assert body["files"][0]["sha256"]
        assert body["files"][0]["url"]


async def test_what_cannot_be_shortened_enough_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    broker, store = MemoryBroker(), MemoryStore(event_log(*NAMES, picks=300))
    broker.largest = 700
    async with publishing(broker, store) as (publisher, counts):
        await store.caught_up()
        assert broker.connections == 1
        assert set(counts.refused) == {"too_large"}
        assert "up to 700 bytes" in next(publisher.problems()).message
    passed_over = [record.message for record in caplog.records if "skipped" in record.message]
    assert len(passed_over) == len(set(passed_over)) <= 2, "once for each kind of topic"
    assert {kind for _, kind in reported(broker.log)} >= {"state"}


async def test_a_retained_message_that_is_refused_does_not_hold_up_the_others() -> None:
    broker, store = MemoryBroker(), MemoryStore(event_log("TS_01"))
    broker.refuses = lambda message: 0x87 if message.topic == TOPICS.status else None
    async with publishing(broker, store) as (publisher, _):
        publisher.retained.put(TOPICS.status, b"{}")
        publisher.retained.put(TOPICS.alert("disk-output"), b"[]")
        await broker.received(lambda log: any(message.topic == TOPICS.alert("disk-output") for message in log))
        assert broker.connections == 1


async def test_a_client_id_that_is_taken_over_is_named_and_not_fought_for() -> None:
    broker, store = MemoryBroker(), MemoryStore(event_log("TS_01"))
    pauses = Pauses()
    broker.hangs_up = lambda message: TAKEN_OVER if "/result" in message.topic and len(pauses) < 4 else None
    async with publishing(broker, store, pause=pauses) as (publisher, _):
        await store.caught_up()
        assert [problem.subject for problem in publisher.problems()] == ["id"]
    assert [7.5 * 2**n <= seconds <= 15 * 2**n for n, seconds in enumerate(pauses)] == [True] * 4
    assert len(reported(broker.log)) == OTHERS + 1, "the takeover is no fault of the message"


async def test_connections_that_are_ended_at_once_without_a_word_are_made_ever_less_often() -> None:
    broker = MemoryBroker()
    broker.gives_reasons = False
    enough = asyncio.Event()
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 12:
            enough.set()
        await asyncio.sleep(0)

    async with publishing(broker, MemoryStore(), pause=pause) as (publisher, _):
        publisher.retained.put(TOPICS.status, b"{}")
        while not enough.is_set():
            await broker.received(lambda log: publisher.state.connected)
            await asyncio.sleep(0)
            await broker.cut_all()
            await asyncio.sleep(0)
    assert pauses[-1] >= 30


@pytest.mark.parametrize("limit", ["max_packet_size 1500", "message_size_limit 1500"])
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_a_real_broker_with_a_limit_and_an_acl(tmp_path: Path, limit: str, protocol: str) -> None:
    (tmp_path / "acl").write_text(
        "topic readwrite livetomo/facility/main/#\ntopic deny livetomo/facility/main/krios1/+/+/result\n"
    )
    settings = f"allow_anonymous true\nacl_file {tmp_path / 'acl'}\n{limit}"
    mosquitto = Mosquitto(need("mosquitto", "mosquitto"), tmp_path, settings)
    await mosquitto.start()
    wire = Wire(mosquitto.port)
    await wire.start()
    real = Real(mosquitto, wire, protocol)
    await real.begin()
    store = MemoryStore(event_log(*NAMES, picks=300))
    try:
        async with publishing(real.transport, store, pause=real.pause) as (_, counts):
            await store.caught_up()
            silent = limit.startswith("message_size") and protocol == "3.1.1"  # then nobody can know
            expected = (OTHERS if not silent else OTHERS - 1) * len(NAMES)
            log = await real.received(lambda log: len(reported(log)) == expected)
        assert counts.shortened == (0 if silent else len(NAMES))
        assert counts.refused == (["not_authorized"] * len(NAMES) if protocol == "5" else [])
        assert not [message for message in log if message.topic.endswith("/result")]
    finally:
        await real.end()
        await wire.close()
        await mosquitto.stop(how=signal.SIGKILL)
