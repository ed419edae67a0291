"""Has one message after the other acknowledged by the broker, and bears its no: that costs what it concerns."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from livetomo.core.errors import BrokerAway, MessageRefused
from livetomo.publish.mqtt.refusals import Counted, refusal_of
from livetomo.publish.mqtt.suspects import Suspects
from livetomo.publish.mqtt.transport import Connection
from livetomo.publish.payloads.events import Message
from livetomo.publish.payloads.topics import Topics

log = logging.getLogger("livetomo.publish.delivery")

_SOON_SECONDS = (1.0, 2.0, 4.0, 8.0)
_SAID_AGAIN_SECONDS = 3600.0


class DeliveryObserver(Protocol):
    """Counts what is not as it should be."""

    def message_refused(self, reason: Counted) -> None:
        """A message was passed over."""

    def message_shortened(self) -> None:
        """A message was sent without some of its parts."""


class Uncounted:
    """An observer that counts nothing."""

    def message_refused(self, reason: Counted) -> None:
        """Nothing."""

    def message_shortened(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """Messages of one kind that the broker does not take. `kind` is their topics with + for what differs."""

    kind: str
    said: str
    since: datetime
    count: int = 1


@dataclass(eq=False, repr=False)
class Delivery:
    """Sends one message at a time, so that a connection that is lost over one is known to be lost over that one.

    probe:    a message that may be sent at any time, to learn whether the broker takes anything.
    standing: what is refused at the moment, by the kind of topic.
    takes:    whether the broker has taken anything on this connection. Until it has, a refusal may mean everything.
    """

    topics: Topics
    probe: Message
    _: KW_ONLY
    time_limit: float
    observer: DeliveryObserver
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.standing: dict[str, RefusedMessage] = {}
        self.takes = False
        self.refusal = ""
        self._suspects = Suspects(self.clock)
        self._said_at: dict[str, float] = {}
        self._under_way: tuple[str, Message] | None = None
        self._lock = asyncio.Lock()

    def begin(self) -> None:
        """A new connection: what the broker took before may be forbidden by now."""
        self.takes = False

    def lost(self, code: int | None) -> None:
        """The connection is lost, with this reason of the broker's; the message that was under way may be why."""
        if self._under_way is not None:
            self._suspects.lost_over(*self._under_way, code)
            self._under_way = None

    async def send(self, connection: Connection, message: Message) -> bool:
        """Whether the broker has it now, whole or shorter; where not, that is said and counted.

        Raises:
            BrokerAway: the connection is lost, or the broker takes nothing at all.
        """
        async with self._lock:
            try:
                await self._shorter_if_need_be(connection, message)
            except MessageRefused as fault:
                if not await self._is_taken_soon(connection, message, fault):
                    await self._pass_over(connection, message, fault)
                    return False
            self._is_taken(message)
            return True

    async def _shorter_if_need_be(self, connection: Connection, message: Message) -> None:
        try:
            await self._attempt(connection, message)
        except MessageRefused as fault:
            may_be_size = fault.code is None or refusal_of(fault.code).cost == "size"
            short = message.shorter() if may_be_size else b""
            if not short or len(short) >= len(message.payload):
                raise
            await self._attempt(connection, replace(message, payload=short, shorter=bytes))
            self._suspects.too_large(len(message.payload))
            self.observer.message_shortened()
            kind = self.topics.kind(message.topic)
            self._say(f"{kind} shortened", f"{fault}: {message.topic} was sent without some parts", log.warning)

    async def _attempt(self, connection: Connection, message: Message) -> None:
        """Send it, unless it is what earlier connections were lost over."""
        kind = self.topics.kind(message.topic)
        self._suspects.check(kind, message)
        self._under_way = kind, message
        try:
            async with asyncio.timeout(self.time_limit):
                await connection.publish(message)
        except TimeoutError:
            raise BrokerAway(f"the broker did not acknowledge a message within {self.time_limit:g} s") from None
        except MessageRefused:
            self._under_way = None
            raise
        self._under_way = None
        self._suspects.acquit(kind, message)

    async def _is_taken_soon(self, connection: Connection, message: Message, fault: MessageRefused) -> bool:
        """Try again for some seconds what is refused for the moment, unless all of its kind is."""
        if fault.code is None or refusal_of(fault.code).cost != "moment":
            return False
        if self.topics.kind(message.topic) in self.standing:
            return False
        for seconds in _SOON_SECONDS:
            await self.pause(seconds)
            try:
                await self._attempt(connection, message)
            except MessageRefused:
                continue
            return True
        return False

    async def _pass_over(self, connection: Connection, message: Message, fault: MessageRefused) -> None:
        self.refusal = str(fault)
        kind, refusal = self.topics.kind(message.topic), refusal_of(fault.code)
        known = self.standing.get(kind)
        if known is None and refusal.cost != "size" and message.topic != self.probe.topic:
            self.takes = await self._takes_the_probe(connection)
        if not self.takes:
            return
        self.observer.message_refused(refusal.counted)
        self._say(kind, f"{fault} Such messages are skipped ({kind}); the HTTP API has them.", log.warning)
        count, since = (1, datetime.now(UTC)) if known is None else (known.count + 1, known.since)
        self.standing[kind] = RefusedMessage(kind, str(fault), since, count)

    async def _takes_the_probe(self, connection: Connection) -> bool:
        """Whether what is refused is this message alone, or this user, or everything for now."""
        try:
            await self._attempt(connection, self.probe)
        except MessageRefused:
            return False
        return True

    def _is_taken(self, message: Message) -> None:
        self.takes = True
        kind = self.topics.kind(message.topic)
        if self.standing.pop(kind, None) is not None:
            log.info("broker: takes messages for %s again", kind)

    def _say(self, about: str, said: str, how: Callable[..., None]) -> None:
        """Once an hour for the same thing: a broker may refuse every second message."""
        if self.clock() >= self._said_at.get(about, -_SAID_AGAIN_SECONDS) + _SAID_AGAIN_SECONDS:
            self._said_at[about] = self.clock()
            how("broker: %s", said)
