"""Messages of some topics from a broker, until the connection is lost."""

import json
import logging
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

import aiomqtt

from livetomo.config.configuration import Mqtt
from livetomo.core.errors import BrokerAway, OtherVersion
from livetomo.publish.mqtt.client import MqttClient, address, connected

log = logging.getLogger(__name__)

Protocol = Literal["auto", "5", "3.1.1"]


class Subscription:
    """A way to one broker. `protocol`: version of MQTT, "5" or "3.1.1"; "auto": 5 first, then 3.1.1."""

    def __init__(self, mqtt: Mqtt, protocol: Protocol) -> None:
        versions = ("5", "3.1.1") if protocol == "auto" else (protocol,)
        self._ways = [mqtt.model_copy(update={"protocol": version}) for version in versions]

    @asynccontextmanager
    async def open(self, topics: Sequence[str]) -> AsyncIterator[AsyncIterator[tuple[str, Mapping[str, Any]]]]:
        """Subscribe; when this is entered, nothing that is published from now on is missed.

        Raises:
            BrokerAway: there is no connection, or no longer.
        """
        async with AsyncExitStack() as stack:
            client = await self._connected(stack)
            try:
                await client.subscribe([(topic, 1) for topic in topics])
            except aiomqtt.MqttError as fault:
                raise BrokerAway(f"{address(self._ways[0])} {client.said(fault)}") from None
            yield self._messages(client, topics)

    async def _connected(self, stack: AsyncExitStack) -> MqttClient:
        """By the first version that the broker answers to, which is the one from then on."""
        for way in self._ways:
            try:
                client = await stack.enter_async_context(connected(way, f"livetomo-follow-{uuid.uuid4().hex[:12]}"))
            except OtherVersion as fault:
                log.debug("MQTT %s: %s", way.protocol, fault)
            else:
                self._ways = [way]
                return client
        tried = " and ".join(way.protocol for way in self._ways)
        advice = "" if len(self._ways) > 1 else " If it has another version, leave --protocol out: then both are tried."
        raise BrokerAway(
            f"{address(self._ways[0])} takes the connection, but does not answer as a broker of MQTT {tried} does. "
            f"Is it one?{advice}"
        )

    async def _messages(
        self, client: MqttClient, topics: Sequence[str]
    ) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        try:
            async for message in client.messages:
                # amqtt sends retained messages of other topics, too.
                if not any(message.topic.matches(topic) for topic in topics):
                    continue
                body = _read(str(message.topic), message.payload)
                if not message.payload:
                    continue  # what was retained here is no more
                if body is None:
                    log.warning("not a message of livetomo: %s", message.topic)
                else:
                    yield str(message.topic), body
        except aiomqtt.MqttError as fault:
            raise BrokerAway(f"{address(self._ways[0])} {client.said(fault)}") from None


def _read(topic: str, payload: object) -> Mapping[str, Any] | None:
    """A payload as JSON, or the word of an availability; None where it is something else, which is somebody else's."""
    if not isinstance(payload, bytes):
        return None
    if topic.endswith("/availability"):
        return {"availability": payload.decode(errors="replace")}
    try:
        body = json.loads(payload)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None
