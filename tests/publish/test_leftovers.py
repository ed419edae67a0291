"""Retained things end: also those of an earlier run, of a former name, and of a state that was lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from livetomo.config.configuration import Mqtt
from livetomo.publish.mqtt.publisher import Publisher
from livetomo.publish.mqtt.retained import Retained
from livetomo.publish.mqtt.transport_aiomqtt import MqttTransport
from livetomo.publish.payloads.events import Message, MessageSettings
from livetomo.publish.payloads.retained import StatusPayload
from livetomo.publish.payloads.topics import Topics
from tests.publish.brokers import Broker, InMemory
from tests.publish.event_logs import MemoryStore
from tests.publish.memory_broker import MemoryBroker
from tests.publish.test_metrics import status
from tests.publish.test_mqtt import broker
from tests.servers import Mosquitto

__all__ = ["broker"]

HERE = Topics("facility", "main")
ALERT = b'{"schema": "livetomo/alert/1", "event_id": "none"}'
SUMMARY = b'{"schema": "livetomo/summary/1", "event_id": "none"}'
STATUS = b'{"schema": "livetomo/status/1", "event_id": "none"}'


@asynccontextmanager
async def run(broker: Broker, topics: Topics, memory: Path | None, **wanted: bytes) -> AsyncIterator[Publisher]:
    """A daemon that wants these alerts to stand, and is stopped at the end."""
    publisher = Publisher(
        MessageSettings(topics), MemoryStore(), broker.transport, Retained(), memory=memory, pause=broker.pause
    )
    task = asyncio.create_task(publisher.run())
    publisher.retained.put(topics.status, STATUS)
    for name, payload in wanted.items():
        publisher.retained.put(topics.alert(name), payload)
    publisher.retained.is_complete.set()
    try:
        async with asyncio.timeout(15):
            yield publisher
    finally:
        task.cancel()
        await asyncio.wait([task])


def cleared(*topics: str) -> Callable[[list[Message]], bool]:
    return lambda log: {message.topic for message in log if not message.payload} >= set(topics)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livetomo.publish.mqtt.transport_aiomqtt._QUIET_SECONDS", 0.2)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if await asyncio.to_thread(holds):
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it does not come to that")


def is_noted(memory: Path, what: str) -> bool:
    return memory.exists() and what in memory.read_text()


async def noted(memory: Path, what: str) -> None:
    await until(lambda: is_noted(memory, what))


@pytest.mark.parametrize("lost_state", [False, True])
async def test_an_alert_of_an_earlier_run_ends_with_its_watch_even_where_the_state_was_lost(
    broker: Broker, tmp_path: Path, lost_state: bool
) -> None:
    memory = tmp_path / "retained.json"
    gone, stays = HERE.alert("watch-krios2"), HERE.alert("watch-krios1")
    async with run(broker, HERE, memory, **{"watch-krios1": ALERT, "watch-krios2": ALERT}):
        await broker.received(lambda log: sum(message.payload == ALERT for message in log) == 2)
        await noted(memory, gone)
    if lost_state:
        memory.unlink()
    async with run(broker, HERE, memory, **{"watch-krios1": ALERT}):
        await broker.received(cleared(gone))
    assert await broker.retained(gone) is None
    assert await broker.retained(stays) == ALERT
    assert await broker.retained(HERE.availability) == b"stopped"


async def test_what_may_not_be_read_is_known_from_the_state(tmp_path: Path) -> None:
    broker, memory = InMemory(), tmp_path / "retained.json"
    broker.broker.may_read = False
    async with run(broker, HERE, memory, **{"watch-krios2": ALERT}):
        await noted(memory, "watch-krios2")
    async with run(broker, HERE, memory):
        await broker.received(cleared(HERE.alert("watch-krios2")))


@pytest.mark.parametrize(
    "before", [Topics("facility", "old"), Topics("lab", "main"), Topics("facility", "main", "livetomo/of/it")]
)
async def test_nothing_is_left_below_a_former_name(broker: Broker, tmp_path: Path, before: Topics) -> None:
    memory = tmp_path / "retained.json"
    async with run(broker, before, memory, **{"disk-output": ALERT}) as publisher:
        publisher.retained.put(before.summary("krios1", "monday"), SUMMARY)
        await noted(memory, before.root)
    all_of_it = [before.availability, before.status, before.alert("disk-output"), before.summary("krios1", "monday")]
    async with run(broker, HERE, memory):
        await broker.received(cleared(*all_of_it))
    assert [await broker.retained(topic) for topic in all_of_it] == [None] * len(all_of_it)
    async with run(broker, HERE, memory):
        await until(lambda: not is_noted(memory, before.root))


async def test_a_former_name_that_another_daemon_has_by_now_is_left_alone(tmp_path: Path) -> None:
    broker, memory, before = InMemory(), tmp_path / "retained.json", Topics("facility", "old")
    async with run(broker, before, memory, **{"disk-output": ALERT}):
        await noted(memory, before.root)
    async with run(broker, before, None, **{"disk-output": ALERT}):
        await broker.received(lambda log: log[-1].payload == ALERT)
        async with run(broker, HERE, memory):
            await until(lambda: not is_noted(memory, before.root))
        assert await broker.retained(before.alert("disk-output")) == ALERT
        assert await broker.retained(before.availability) == b"online"


async def test_messages_of_others_below_our_name_stay(tmp_path: Path) -> None:
    broker = InMemory()
    theirs = {
        HERE.alert("mine"): b"a note of somebody",
        f"{HERE.root}/krios1/monday/summary": b'{"schema": "theirs"}',
        f"{HERE.root}/notes/a/b/c": b"more",
        "livetomo/facility/other/alerts/disk-output": ALERT,
    }
    broker.broker.retained |= theirs | {HERE.alert("disk-output"): ALERT}
    async with run(broker, HERE, tmp_path / "retained.json"):
        await broker.received(cleared(HERE.alert("disk-output")))
    assert theirs.items() <= broker.broker.retained.items()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"livetomo/facility/main": [1]}'])
async def test_a_memory_that_is_damaged_is_none(tmp_path: Path, content: str) -> None:
    memory = tmp_path / "retained.json"
    memory.write_text(content)
    async with run(InMemory(), HERE, memory, **{"disk-output": ALERT}):
        await noted(memory, "disk-output")
    assert json.loads(memory.read_text()) == {HERE.root: [HERE.alert("disk-output")]}


async def test_two_daemons_of_one_name_find_each_other_out_where_the_broker_says_nothing() -> None:
    broker = MemoryBroker()
    pauses: list[float] = []
    enough = asyncio.Event()
    own = StatusPayload.of(status())
    other = own.model_copy(update={"started": own.started.replace(year=2030), "time": own.time.replace(year=2031)})

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 5:
            enough.set()
        await asyncio.sleep(0)

    publisher = Publisher(MessageSettings(HERE), MemoryStore(), broker, pause=pause)
    task = asyncio.create_task(publisher.run())
    publisher.retained.put(HERE.status, own.payload())
    while not enough.is_set():
        await broker.received(lambda log: broker.retained.get(HERE.status) == own.payload())
        broker.retained[HERE.status] = other.payload()
        await broker.cut_all()
        await asyncio.sleep(0)
    assert "id" in {problem.subject for problem in publisher.problems()}
    assert max(pauses) >= 15 / 2
    task.cancel()
    await asyncio.wait([task])


async def test_two_real_daemons_of_one_name_do_not_go_on_ending_each_other(mosquitto: Mosquitto) -> None:
    """Mosquitto 2.0.11 ends the older connection without a word."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(min(seconds, 5.0) / 5)

    settings = Mqtt.model_validate({"url": f"mqtt://127.0.0.1:{mosquitto.port}"})
    own = StatusPayload.of(status())
    publishers = [
        Publisher(MessageSettings(HERE), MemoryStore(), MqttTransport(settings, "one-id"), pause=pause)
        for _ in range(2)
    ]
    for number, publisher in enumerate(publishers):
        started, time = own.started.replace(year=2030 + number), own.time.replace(year=2040)
        body = own.model_copy(update={"started": started, "time": time})
        publisher.retained.put(HERE.status, body.payload())
    tasks = [asyncio.create_task(publisher.run()) for publisher in publishers]
    await until(lambda: any(list(publisher.problems()) for publisher in publishers))
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert len(pauses) < 60
