"""A real broker to publish to, through aiomqtt: MQTT 5, or 3.1.1 where the broker knows no better."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import aiomqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from livetomo.config import Mqtt
from livetomo.errors import BrokerAway
from livetomo.publish.messages import Message
from livetomo.publish.mqtt_client import MqttClient, address, connected, said


class MqttTransport:
    """The broker of `settings`.

    identifier: the same at every start, so that the broker ends a half-dead earlier connection, and publishes its will,
        before this one says anything.
    """

    def __init__(self, settings: Mqtt, identifier: str) -> None:
        self._settings = settings
        self._identifier = identifier

    @asynccontextmanager
    async def connect(self, will: Message) -> AsyncIterator["_MqttConnection"]:
        """Connect anew."""
        async with connected(self._settings, self._identifier, will) as client:
            properties = _properties() if self._settings.protocol == "5" else None
            yield _MqttConnection(client, address(self._settings), properties)


class _MqttConnection:
    def __init__(self, client: MqttClient, address: str, properties: Properties | None) -> None:
        self._client = client
        self._address = address
        self._properties = properties

    async def publish(self, message: Message) -> None:
        """Give up as soon as the connection is lost: aiomqtt would wait out its time limit."""
        sending = asyncio.ensure_future(self._client.publish_and_confirm(message, self._properties))
        losing = asyncio.ensure_future(self._client.lost())
        try:
            await asyncio.wait([sending, losing], return_when=asyncio.FIRST_COMPLETED)
            await (sending if sending.done() else losing)
        except aiomqtt.MqttError as fault:
            raise BrokerAway(f"{self._address} {said(fault)}") from None
        except BrokerAway as fault:
            raise BrokerAway(f"{self._address} {fault}") from None
        finally:
            sending.cancel()
            losing.cancel()

    async def lost(self) -> NoReturn:
        try:
            await self._client.lost()
        except BrokerAway as fault:
            raise BrokerAway(f"{self._address} {fault}") from None


def _properties() -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.PayloadFormatIndicator = 1
    properties.ContentType = "application/json"
    return properties
