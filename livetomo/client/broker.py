"""Messages of some topics from a broker, until the connection is lost."""

import json
import logging
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt

from livetomo.config.configuration import Mqtt
from livetomo.core.errors import BrokerAway
from livetomo.publish.mqtt.client import MqttClient, address, connected

log = logging.getLogger(__name__)


class Subscription:
    """A way to one broker."""

    def __init__(self, mqtt: Mqtt) -> None:
        self._mqtt = mqtt

    @asynccontextmanager
    async def open(self, topics: Sequence[str]) -> AsyncIterator[AsyncIterator[tuple[str, Mapping[str, Any]]]]:
        """Subscribe; when this is entered, nothing that is published from now on is missed.

        Raises:
            BrokerAway: there is no connection, or no longer.
        """
        async with connected(self._mqtt, f"livetomo-follow-{uuid.uuid4().hex[:12]}") as client:
            try:
                await client.subscribe([(topic, 1) for topic in topics])
            except aiomqtt.MqttError as fault:
                raise BrokerAway(f"{address(self._mqtt)} {client.said(fault)}") from None
            yield self._messages(client, topics)

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
            raise BrokerAway(f"{address(self._mqtt)} {client.said(fault)}") from None


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
