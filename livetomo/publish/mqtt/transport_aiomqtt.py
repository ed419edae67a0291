"""A real broker to publish to, through aiomqtt: MQTT 5, or 3.1.1 where the broker knows no better."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NoReturn, TypeVar

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from livetomo.config.configuration import Mqtt
from livetomo.core.errors import BrokerAway, MessageRefused
from livetomo.publish.mqtt.client import BrokerLimits, MqttClient, address, connected
from livetomo.publish.mqtt.refusals import QOS_NOT_SUPPORTED, RETAIN_NOT_SUPPORTED, TOO_LARGE
from livetomo.publish.payloads.events import Message

_QUIET_SECONDS = 1.0

T = TypeVar("T")

log = logging.getLogger("livetomo.publish.broker")


class MqttTransport:
    """The broker of `settings`.

    identifier: the same at every start, so that the broker ends a half-dead earlier connection, and publishes its will,
        before this one says anything.
    """

    def __init__(self, settings: Mqtt, identifier: str) -> None:
        self._settings = settings
        self._identifier = identifier
        self._will_retained = True
        self._will_acknowledged = True

    @asynccontextmanager
    async def connect(self, will: Message) -> AsyncIterator["_MqttConnection"]:
        """Connect anew."""
        will = replace(will, retain=will.retain and self._will_retained, qos=1 if self._will_acknowledged else 0)
        try:
            async with connected(self._settings, self._identifier, will) as client:
                limits = client.limits
                if not limits.retains or limits.qos < 1:
                    log.warning("broker: %s does not %s", address(self._settings), _lacks(limits))
                yield _MqttConnection(client, self._settings)
        except BrokerAway as fault:
            # It says that the will asks for too much: the next connection asks for less.
            self._will_retained &= fault.code != RETAIN_NOT_SUPPORTED
            self._will_acknowledged &= fault.code != QOS_NOT_SUPPORTED
            raise


class _MqttConnection:
    def __init__(self, client: MqttClient, settings: Mqtt) -> None:
        self._client = client
        self._address = address(settings)
        self.gives_reasons = settings.protocol == "5"
        self._properties = _properties() if self.gives_reasons else None

    async def publish(self, message: Message) -> None:
        """Return when the broker has it."""
        limit, size = self._client.limits.packet, _packet_bytes(message, self._properties)
        if limit is not None and size > limit:
            raise MessageRefused(
                f"{self._address} takes packets of up to {limit:,} bytes, and this one has {size:,}", TOO_LARGE
            )
        try:
            await self._unless_lost(self._client.publish_and_confirm(message, self._properties))
        except MessageRefused as fault:
            raise MessageRefused(f"{self._address} {fault}", fault.code) from None

    async def retained(self, filters: Sequence[str], enough: int | None = None) -> Mapping[str, bytes]:
        """Subscribe for a moment: what is retained comes first, and at once."""
        return await self._unless_lost(self._retained(filters, enough))

    async def _retained(self, filters: Sequence[str], enough: int | None) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        try:
            await self._client.subscribe([(each, 1) for each in filters])
            async for message in self._client.heard(_QUIET_SECONDS):
                # Others are sent meanwhile, and some brokers send retained messages of other topics, too.
                if message.retain and message.payload and any(message.topic.matches(each) for each in filters):
                    found[str(message.topic)] = bytes(message.payload)
                if enough is not None and len(found) >= enough:
                    break
            await self._client.unsubscribe(list(filters))
        except aiomqtt.MqttError:
            if self._client.is_lost:
                raise
        return found  # also where it does not answer this question

    async def _unless_lost(self, asking: Coroutine[Any, Any, T]) -> T:
        """What is asked, given up as soon as the connection is lost: aiomqtt would wait out its time limit."""
        answer = asyncio.ensure_future(asking)
        losing = asyncio.ensure_future(self._client.lost())
        try:
            await asyncio.wait([answer, losing], return_when=asyncio.FIRST_COMPLETED)
            return await (answer if answer.done() else losing)
        except aiomqtt.MqttError as fault:
            raise BrokerAway(f"{self._address} {self._client.said(fault)}", self._client.code_of(fault)) from None
        except BrokerAway as fault:
            raise BrokerAway(f"{self._address} {fault}", fault.code) from None
        finally:
            answer.cancel()
            losing.cancel()

    async def lost(self) -> NoReturn:
        try:
            await self._client.lost()
        except BrokerAway as fault:
            raise BrokerAway(f"{self._address} {fault}", fault.code) from None


def _lacks(limits: BrokerLimits) -> str:
    """What livetomo's messages need and this broker does not do."""
    lacks = [] if limits.retains else ["retain messages: later subscribers do not get the present state"]
    if limits.qos < 1:
        lacks.append("acknowledge messages (QoS 1): some may be lost, and only the HTTP API has them all")
    return ", and does not ".join(lacks)


def _properties() -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.PayloadFormatIndicator = 1
    properties.ContentType = "application/json"
    return properties


def _packet_bytes(message: Message, properties: Properties | None) -> int:
    """How long the packet is that `message` travels in: its header, topic, identifier, properties and payload."""
    packed = b"" if properties is None else properties.pack()  # type: ignore[no-untyped-call]
    rest = 2 + len(message.topic.encode()) + 2 + len(packed) + len(message.payload)
    return 1 + max(1, (rest.bit_length() + 6) // 7) + rest
