"""Tells the broker every event, in order, and keeps what it retains up to date; waits where it is away."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from livetomo.errors import BrokerAway
from livetomo.events import Recorded
from livetomo.publish.messages import Message, MessageSettings, message_of
from livetomo.publish.retained import Retained
from livetomo.publish.transport import Connection, Transport

log = logging.getLogger(__name__)

ONLINE, STOPPED, OFFLINE = b"online", b"stopped", b"offline"
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_BATCH = 100


class EventStore(Protocol):
    """Where events are recorded and where each consumer's cursor stands."""

    async def events_after(self, seq: int, limit: int) -> list[Recorded]:
        """Events with a higher number than `seq`, in order, at most `limit`."""

    async def cursor(self, consumer: str) -> int:
        """The number of the last event that `consumer` has dealt with; 0 at first."""

    async def move_cursor(self, consumer: str, seq: int) -> None:
        """`consumer` has dealt with everything up to `seq`."""

    async def wait_beyond(self, seq: int) -> None:
        """Return when an event with a higher number is there."""


@dataclass(frozen=True, slots=True)
class PublisherState:
    """How publishing goes, since when. `error` is the last trouble in a sentence, empty while connected."""

    connected: bool
    error: str
    since: datetime


class Publisher:
    """One daemon's voice on one broker.

    Events are sent one at a time, so that they arrive in order, and the cursor moves only to what the broker has
    acknowledged. While it has a backlog the cursor moves once a batch: a killed daemon may then tell up to a batch
    again, under the same event ids.
    """

    def __init__(
        self,
        settings: MessageSettings,
        store: EventStore,
        transport: Transport,
        retained: Retained | None = None,
        *,
        consumer: str = "mqtt",
        acknowledge_time_limit: float = 10.0,
        acknowledged: Callable[[Recorded], None] = lambda recorded: None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: random.Random | None = None,
    ) -> None:
        self.retained = Retained() if retained is None else retained
        self.state = PublisherState(connected=False, error="", since=datetime.now(UTC))
        self._settings = settings
        self._store = store
        self._transport = transport
        self._consumer = consumer
        self._time_limit = acknowledge_time_limit
        self._acknowledged = acknowledged
        self._pause = pause
        self._chance = random.Random() if chance is None else chance
        self._failures = 0

    async def run(self) -> None:
        """Until cancelled, which says `stopped` to the broker."""
        while True:
            try:
                # In a task of its own: in Python 3.11 a task group that fails as it is cancelled forgets that, and
                # counts its own cancelling, so that only a task without one knows whether it was told to stop.
                await asyncio.create_task(self._connection())
            except BrokerAway as fault:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from None
                if self.state.error != str(fault):
                    log.warning("broker: %s", fault)
                self.state = PublisherState(connected=False, error=str(fault), since=self._since(connected=False))
            # Jitter: after a broker's restart its daemons must not all come at once, every time.
            longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(self._failures, 10))
            self._failures += 1
            await self._pause(longest * self._chance.uniform(0.5, 1))

    async def _connection(self) -> None:
        """One connection. However early it is cancelled, `stopped` is its last word."""
        async with self._transport.connect(will=self._availability(OFFLINE)) as connection:
            try:
                await self._talk(connection)
            except asyncio.CancelledError:
                with suppress(BrokerAway):
                    await self._send(connection, self._availability(STOPPED))
                raise

    async def _talk(self, connection: Connection) -> None:
        """Say `online`, then tell what there is to tell until the connection is lost."""
        await self._send(connection, self._availability(ONLINE))
        self.state = PublisherState(connected=True, error="", since=self._since(connected=True))
        log.info("broker: connected")
        self.retained.send_all_again()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(connection.lost())
                tasks.create_task(self._tell_events(connection))
                tasks.create_task(self._tell_retained(connection))
        except ExceptionGroup as faults:
            away, others = faults.split(BrokerAway)
            if away is None or others is not None:
                raise
            raise _first(away) from None

    async def _tell_events(self, connection: Connection) -> None:
        cursor = await self._store.cursor(self._consumer)
        while True:
            await self._store.wait_beyond(cursor)
            batch = await self._store.events_after(cursor, _BATCH)
            try:
                for recorded in batch:
                    await self._send(connection, message_of(recorded, self._settings))
                    cursor = recorded.seq
                    self._failures = 0
                    self._acknowledged(recorded)
                    if len(batch) < _BATCH:
                        await self._store.move_cursor(self._consumer, cursor)
            finally:
                if len(batch) == _BATCH:
                    await self._store.move_cursor(self._consumer, cursor)

    async def _tell_retained(self, connection: Connection) -> None:
        while True:
            message = await self.retained.next()
            await self._send(connection, message)
            self.retained.sent(message)
            # Only now is the broker well: one that takes connections and nothing else is not asked ever faster.
            self._failures = 0

    async def _send(self, connection: Connection, message: Message) -> None:
        try:
            async with asyncio.timeout(self._time_limit):
                await connection.publish(message)
        except TimeoutError:
            raise BrokerAway(f"the broker did not acknowledge a message within {self._time_limit:g} s") from None

    def _availability(self, word: bytes) -> Message:
        return Message(self._settings.topics.availability, word, retain=True)

    def _since(self, *, connected: bool) -> datetime:
        return self.state.since if self.state.connected == connected else datetime.now(UTC)


def _first(faults: BaseExceptionGroup[BrokerAway]) -> BrokerAway:
    """One of the leaves: connection loss is noticed in several places at once."""
    fault: BaseException = faults
    while isinstance(fault, BaseExceptionGroup):
        fault = fault.exceptions[0]
    assert isinstance(fault, BrokerAway)
    return fault
