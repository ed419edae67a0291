"""Nothing is lost or reordered on the way to the broker, whatever the broker does."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from livetomo.publish.mqtt.publisher import Publisher
from livetomo.publish.mqtt.refusals import NOT_AUTHORIZED
from livetomo.publish.payloads.events import Message, MessageSettings
from livetomo.publish.payloads.topics import Topics
from tests.publish.brokers import Broker, InMemory, Real
from tests.publish.event_logs import MemoryStore, event_log
from tests.servers import Mosquitto, Wire

SETTINGS = MessageSettings(Topics("facility", "main"))
AVAILABILITY = "livetomo/facility/main/availability"
STATUS = "livetomo/facility/main/status"
NAMES = [f"TS_{number:02}" for number in range(1, 9)]


@pytest_asyncio.fixture(params=["memory", "mosquitto 5", "mosquitto 3.1.1"])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    if request.param == "memory":
        yield InMemory()
        return
    mosquitto: Mosquitto = request.getfixturevalue("stopped_mosquitto")
    await mosquitto.start()
    wire = Wire(mosquitto.port)
    await wire.start()
    real = Real(mosquitto, wire, request.param.split()[1])
    await real.begin()
    yield real
    await real.end()
    await wire.close()
    await mosquitto.stop(how=signal.SIGKILL)


@pytest.fixture
def publish(broker: Broker) -> Callable[..., Publisher]:
    def publisher(store: MemoryStore, **more: object) -> Publisher:
        return Publisher(SETTINGS, store, broker.transport, **{"pause": broker.pause} | more)  # type: ignore[arg-type]

    return publisher


@asynccontextmanager
async def running(publisher: Publisher) -> AsyncIterator[None]:
    task = asyncio.create_task(publisher.run())
    try:
        async with asyncio.timeout(20):
            yield
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert task.cancelled()


def events(log: list[Message]) -> list[str]:
    """The event ids that were received, in order, each where it was first seen."""
    ids = [json.loads(message.payload)["event_id"] for message in log if message.payload.startswith(b"{")]
    return list(dict.fromkeys(ids))


def reported(store: MemoryStore) -> list[str]:
    return [recorded.event_id for recorded in store.events]


def all_of(store: MemoryStore) -> Callable[[list[Message]], bool]:
    return lambda log: len(events(log)) == len(store.events)


def words(log: list[Message]) -> list[bytes]:
    return [message.payload for message in log if message.topic == AVAILABILITY]


async def test_events_are_reported_in_order_and_the_cursor_follows(
    broker: Broker, publish: Callable[..., Publisher]
) -> None:
    store = MemoryStore(event_log("TS_01", "TS_02"))
    async with running(publish(store)):
        await store.caught_up()
        await store.append(*event_log("TS_03"))
        log = await broker.received(all_of(store))
        await store.caught_up()
    assert events(log) == reported(store)
    assert store.moves == list(range(1, len(store.events) + 1))


async def test_a_restart_says_only_what_is_new(broker: Broker, publish: Callable[..., Publisher]) -> None:
    store = MemoryStore(event_log("TS_01"))
    async with running(publish(store)):
        await store.caught_up()
    await store.append(*event_log("TS_02"))
    async with running(publish(store)):
        log = await broker.received(all_of(store))
    ids = [json.loads(message.payload)["event_id"] for message in log if message.payload.startswith(b"{")]
    assert ids == reported(store)


async def test_the_daemon_is_online_then_stopped(broker: Broker, publish: Callable[..., Publisher]) -> None:
    async with running(publish(MemoryStore())):
        await broker.received(lambda log: b"online" in words(log))
        assert await broker.retained(AVAILABILITY) == b"online"
    await broker.received(lambda log: b"stopped" in words(log))
    assert await broker.retained(AVAILABILITY) == b"stopped"


async def test_a_cut_connection_says_offline_then_online_again(
    broker: Broker, publish: Callable[..., Publisher]
) -> None:
    store = MemoryStore(event_log("TS_01"))
    async with running(publish(store)):
        await store.caught_up()
        await broker.cut()
        log = await broker.received(lambda log: words(log).count(b"online") == 2)
        assert words(log) == [b"online", b"offline", b"online"]


@pytest.mark.parametrize("forget", [False, True])
async def test_a_broker_that_dies_in_the_middle_loses_and_reorders_nothing(
    broker: Broker, publish: Callable[..., Publisher], forget: bool
) -> None:
    store = MemoryStore(event_log(*NAMES))
    publisher = publish(store)
    async with running(publisher):
        for seen in (5, 13, 29):
            await broker.received(lambda log, seen=seen: len(events(log)) >= seen)  # type: ignore[misc]
            await broker.stop(forget=forget)
            await store.append(*event_log(f"late_{seen}"))
            await broker.start()
        await store.caught_up()
        log = await broker.received(
            lambda log: (not forget and all_of(store)(log)) or reported(store)[-1] in events(log)
        )
        assert publisher.state.connected
    if not forget:  # what a broker without memory had not passed on when it died is in the HTTP API
        assert events(log) == reported(store)
    assert [reported(store).index(event) for event in events(log)] == sorted(
        reported(store).index(e) for e in events(log)
    )


async def test_a_broker_that_is_away_from_the_start_is_waited_for(
    broker: Broker, publish: Callable[..., Publisher]
) -> None:
    store = MemoryStore(event_log("TS_01"))
    await broker.stop()
    publisher = publish(store)
    async with running(publisher):
        await broker.start()
        assert events(await broker.received(all_of(store))) == reported(store)


async def test_a_broker_that_hangs_is_left_and_tried_again(broker: Broker, publish: Callable[..., Publisher]) -> None:
    store = MemoryStore(event_log("TS_01"))
    gave_up = asyncio.Event()

    async def pause(seconds: float) -> None:
        gave_up.set()
        await asyncio.sleep(0)

    publisher = publish(store, acknowledge_time_limit=0.2, pause=pause)
    async with running(publisher):
        await store.caught_up()
        broker.hang()
        await store.append(*event_log("TS_02"))
        await gave_up.wait()
        assert "did not acknowledge" in publisher.state.error
        broker.answer_again()
        assert events(await broker.received(all_of(store))) == reported(store)
        await store.caught_up()


def statuses(log: list[Message]) -> list[bytes]:
    return [message.payload for message in log if message.topic == STATUS]


async def test_only_the_newest_status_is_sent_and_again_to_a_broker_that_forgot(
    broker: Broker, publish: Callable[..., Publisher]
) -> None:
    store = MemoryStore()
    publisher = publish(store)
    await broker.stop()
    for number in range(1000):
        publisher.retained.put(STATUS, b'{"number": %d, "event_id": "status"}' % number)
    async with running(publisher):
        await broker.start()
        # A subscriber that comes after the publisher hears it twice: as what waited for it, and as what is retained.
        await broker.received(lambda log: bool(statuses(log)))
        await broker.stop(forget=True)
        heard = statuses(await broker.received(lambda log: True))
        assert {json.loads(payload)["number"] for payload in heard} == {999}
        await broker.start()
        await broker.received(lambda log: len(statuses(log)) > len(heard))
        assert json.loads(await broker.retained(STATUS) or b"{}")["number"] == 999
        publisher.retained.clear(STATUS)
        await broker.received(lambda log: statuses(log)[-1] == b"")
        assert await broker.retained(STATUS) is None


async def test_a_lost_acknowledgement_repeats_the_event_under_the_same_id() -> None:
    broker, store = InMemory(), MemoryStore(event_log("TS_01"))
    unlucky = [3]
    broker.broker.loses_acknowledgement = lambda message: bool(
        unlucky
        and message.payload.startswith(b"{")
        and json.loads(message.payload)["seq"] == unlucky[0]
        and unlucky.pop()
    )
    async with running(Publisher(SETTINGS, store, broker.transport, pause=broker.pause)):
        await store.caught_up()
    seqs = [json.loads(message.payload)["seq"] for message in broker.broker.log if message.payload.startswith(b"{")]
    assert seqs == [1, 2, 3, 3, 4, 5]
    assert events(broker.broker.log) == reported(store)


async def test_a_broker_that_takes_nothing_is_waited_for_and_no_event_is_passed_over() -> None:
    broker, store = InMemory(), MemoryStore(event_log("TS_01"))
    broker.broker.refuses = lambda message: NOT_AUTHORIZED
    pauses: list[float] = []
    tried = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 6:
            tried.set()
            broker.broker.refuses = lambda message: None
        await asyncio.sleep(0)

    publisher = Publisher(SETTINGS, store, broker.transport, pause=pause)
    async with running(publisher):
        await tried.wait()
        assert "not authorized" in publisher.state.error
        assert "takes nothing" in publisher.state.error
        assert store.cursors.get("mqtt", 0) == 0
        await store.caught_up()
    assert events(broker.broker.log) == reported(store)


async def test_pauses_grow_to_a_minute_and_differ_between_daemons() -> None:
    broker = InMemory()
    await broker.stop()
    pauses: list[float] = []
    enough = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 12:
            enough.set()
        await asyncio.sleep(0)

    async with running(Publisher(SETTINGS, MemoryStore(), broker.transport, pause=pause)):
        await enough.wait()
    for number, seconds in enumerate(pauses):
        longest = min(60, 2**number)
        assert longest / 2 <= seconds <= longest


async def test_a_long_backlog_moves_the_cursor_batch_by_batch_and_exactly_when_stopped() -> None:
    broker, store = InMemory(), MemoryStore(event_log(*(f"TS_{number}" for number in range(100))))
    async with running(Publisher(SETTINGS, store, broker.transport, pause=broker.pause)):
        await broker.received(lambda log: len(events(log)) >= 250)
    assert store.cursors["mqtt"] == len(events(broker.broker.log))
    assert len(store.moves) < 20
