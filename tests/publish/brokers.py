"""One face for the broker in memory and a real Mosquitto, so that both pass the same tests."""

import asyncio
from collections.abc import Callable
from typing import Protocol

import aiomqtt

from livetomo.config.configuration import Mqtt
from livetomo.publish.mqtt.transport import Transport
from livetomo.publish.mqtt.transport_aiomqtt import MqttTransport
from livetomo.publish.payloads.events import Message
from tests.publish.memory_broker import MemoryBroker
from tests.servers import Mosquitto, Wire


class Broker(Protocol):
    """What tests do with a broker."""

    transport: Transport

    async def stop(self, *, forget: bool = False) -> None: ...
    async def start(self) -> None: ...
    async def cut(self) -> None: ...
    def hang(self) -> None: ...
    def answer_again(self) -> None: ...
    async def received(self, enough: Callable[[list[Message]], bool]) -> list[Message]: ...
    async def retained(self, topic: str) -> bytes | None: ...
    async def pause(self, seconds: float) -> None: ...


class InMemory:
    """The broker in memory."""

    def __init__(self) -> None:
        self.broker = MemoryBroker()
        self.transport: Transport = self.broker
        self._there = asyncio.Event()
        self._there.set()

    async def stop(self, *, forget: bool = False) -> None:
        self._there.clear()
        await self.broker.stop(forget=forget)

    async def start(self) -> None:
        self.broker.start()
        self._there.set()

    async def cut(self) -> None:
        await self.broker.cut_all()

    def hang(self) -> None:
        self.broker.hang()

    def answer_again(self) -> None:
        self.broker.answer_again()

    async def received(self, enough: Callable[[list[Message]], bool]) -> list[Message]:
        return await self.broker.received(enough)

    async def retained(self, topic: str) -> bytes | None:
        return self.broker.retained.get(topic)

    async def pause(self, seconds: float) -> None:
        await self._there.wait()


class Real:
    """A Mosquitto, with a subscriber that it remembers across restarts, and a wire to the publisher."""

    def __init__(self, mosquitto: Mosquitto, wire: Wire, protocol: str = "5") -> None:
        settings = {"url": f"mqtt://127.0.0.1:{wire.port}", "protocol": protocol, "connect_time_limit": 1}
        self.transport: Transport = MqttTransport(Mqtt.model_validate(settings), "livetomo-facility-main")
        self._mosquitto = mosquitto
        self._wire = wire
        self._log: list[Message] = []
        self._news = asyncio.Condition()
        self._there = asyncio.Event()
        self._subscriber: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self._subscriber = asyncio.create_task(self._subscribe())
        await self._there.wait()

    async def end(self) -> None:
        if self._subscriber is not None:
            self._subscriber.cancel()

    async def stop(self, *, forget: bool = False) -> None:
        self._there.clear()
        await self._mosquitto.stop(forget=forget)
        if self._subscriber is not None:
            await asyncio.wait([self._subscriber])

    async def start(self) -> None:
        await self._mosquitto.start()
        await self.begin()

    async def cut(self) -> None:
        self._wire.cut()

    def hang(self) -> None:
        self._wire.stuff()

    def answer_again(self) -> None:
        self._wire.unstuff()

    async def received(self, enough: Callable[[list[Message]], bool]) -> list[Message]:
        async with self._news:
            await self._news.wait_for(lambda: enough(self._log))
            return list(self._log)

    async def retained(self, topic: str) -> bytes | None:
        return await self._mosquitto.retained(topic)

    async def pause(self, seconds: float) -> None:
        await self._there.wait()

    async def _subscribe(self) -> None:
        try:
            async with aiomqtt.Client(
                "127.0.0.1", self._mosquitto.port, identifier="subscriber", clean_session=False
            ) as client:
                await client.subscribe("livetomo/#", 1)
                self._there.set()
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    async with self._news:
                        self._log.append(Message(str(message.topic), message.payload, retain=message.retain))
                        self._news.notify_all()
        except aiomqtt.MqttError:
            return
