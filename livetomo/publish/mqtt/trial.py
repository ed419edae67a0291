"""Tries whether a broker takes messages of every kind: sends one of each, and hears whether it comes back."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import aiomqtt

from livetomo.config.configuration import Mqtt
from livetomo.core.errors import BrokerAway, MessageRefused
from livetomo.publish.mqtt.client import address, connected
from livetomo.publish.payloads.events import Message
from livetomo.publish.payloads.topics import Topics

_BACK_SECONDS = 2.0
_ACKNOWLEDGE_SECONDS = 10.0
_PAYLOAD = b'{"schema": "livetomo/doctor/1", "text": "a trial of livetomo doctor"}'


@dataclass(frozen=True, slots=True)
class Trial:
    """Which kinds of topics the broker took messages for.

    refused: with the broker's reason. back: heard again. silent: acknowledged, and not heard again.
    largest_packet: bytes; None where the broker names no limit.
    """

    refused: dict[str, str]
    back: tuple[str, ...]
    silent: tuple[str, ...]
    largest_packet: int | None


def trial_topics(topics: Topics, watches: Sequence[str]) -> list[str]:
    """One topic of each kind, in a session and of a tomogram that none has; consumers ignore the schema."""
    places = [f"{topics.root}/doctor", topics.alert("doctor")]
    for watch in watches:
        summary = topics.summary(watch, "livetomo-doctor")
        session = summary.removesuffix("/summary")
        kinds = ("state", "result", "retracted", "picks/livetomo-doctor")
        places += [summary, f"{session}/verdict", *(f"{session}/livetomo-doctor/{kind}" for kind in kinds)]
    return places


async def trial(settings: Mqtt, topics: Topics, watches: Sequence[str]) -> Trial:
    """Send one message of each kind, none of them retained.

    Raises:
        BrokerAway: the broker is not there, or hangs up.
    """
    sent = trial_topics(topics, watches)
    refused: dict[str, str] = {}
    back: set[str] = set()
    # Another identifier than the daemon's, whose connection this one would end.
    async with connected(settings, f"livetomo-doctor-{uuid.uuid4().hex[:12]}") as client:
        try:
            await client.subscribe(f"{topics.root}/#", 1)
            for topic in sent:
                try:
                    async with asyncio.timeout(_ACKNOWLEDGE_SECONDS):
                        await client.publish_and_confirm(Message(topic, _PAYLOAD), None)
                except MessageRefused as fault:
                    refused[topic] = str(fault)
            async for message in client.heard(_BACK_SECONDS):
                if message.payload == _PAYLOAD and not message.retain:
                    back.add(str(message.topic))
                if len(back) + len(refused) == len(sent):
                    break
        except aiomqtt.MqttError as fault:
            raise BrokerAway(f"{address(settings)} {client.said(fault)}") from None
        except TimeoutError:
            raise BrokerAway(f"{address(settings)} does not acknowledge messages, or hangs up over one") from None
        limit = client.limits.packet
    silent = [topic for topic in sent if topic not in refused and topic not in back]
    kinds = {topics.kind(topic): reason for topic, reason in refused.items()}
    return Trial(kinds, tuple(map(topics.kind, sorted(back))), tuple(map(topics.kind, silent)), limit)
