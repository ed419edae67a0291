"""A publisher that is asked to stop does so, whatever the broker does in the same moment."""

import asyncio
from typing import Any

import pytest

from livetomo.config.configuration import Mqtt
from livetomo.publish.mqtt.client import MqttClient
from livetomo.publish.mqtt.publisher import Publisher
from livetomo.publish.mqtt.transport_aiomqtt import MqttTransport
from livetomo.publish.payloads.events import MessageSettings
from livetomo.publish.payloads.topics import Topics
from tests.publish.event_logs import MemoryStore
from tests.publish.memory_broker import MemoryBroker


async def test_stopping_while_the_connection_is_lost_is_stopping_all_the_same():
    broker = MemoryBroker()
    task = asyncio.create_task(Publisher(MessageSettings(Topics("facility", "main")), MemoryStore(), broker).run())
    await broker.received(lambda log: len(log) > 0)
    await asyncio.sleep(0)
    lost = asyncio.create_task(broker.stop())
    task.cancel()
    await lost
    done, _ = await asyncio.wait([task], timeout=5)
    assert done
    assert task.cancelled()


async def test_the_moment_of_the_loss_does_not_matter():
    for turns in range(12):
        broker = MemoryBroker()
        task = asyncio.create_task(Publisher(MessageSettings(Topics("facility", "main")), MemoryStore(), broker).run())
        await broker.received(lambda log: len(log) > 0)
        await broker.stop()
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=5)
        assert done, f"{turns} turns of the loop after the loss"


async def test_stopping_in_the_moment_of_the_brokers_consent_is_stopping_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = MqttClient._on_connect

    def connected_and_asked_to_stop(self: MqttClient, *args: Any) -> None:
        connected(self, *args)
        task.cancel()

    async def consent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"\x20\x03\x00\x00\x00")
        await reader.read()
        writer.close()

    monkeypatch.setattr(MqttClient, "_on_connect", connected_and_asked_to_stop)
    async with await asyncio.start_server(consent, "127.0.0.1", 0) as server:
        settings = Mqtt.model_validate({"url": f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"})
        publisher = Publisher(
            MessageSettings(Topics("facility", "main")), MemoryStore(), MqttTransport(settings, "livetomo")
        )
        task = asyncio.create_task(publisher.run())
        done, _ = await asyncio.wait([task], timeout=5)
        assert done
        assert task.cancelled()
