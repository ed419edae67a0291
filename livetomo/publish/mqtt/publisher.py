"""Publishes every event, in order, and keeps what it retains up to date; waits where it is away."""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from livetomo.catalog.catalog import CatalogThread
from livetomo.core.back_off import BackOff
from livetomo.core.errors import BrokerAway, MessageRefused, the_one
from livetomo.core.events import Recorded
from livetomo.core.problems import Problem
from livetomo.core.status import BrokerState
from livetomo.publish.mqtt.delivery import Delivery, DeliveryObserver, Uncounted
from livetomo.publish.mqtt.leftovers import Leftovers
from livetomo.publish.mqtt.refusals import TAKEN_OVER
from livetomo.publish.mqtt.retained import Retained
from livetomo.publish.mqtt.transport import Connection, Transport
from livetomo.publish.payloads.events import Message, MessageSettings, message_of
from livetomo.publish.payloads.retained import is_of_another

log = logging.getLogger("livetomo.publish.mqtt")

ONLINE, STOPPED, OFFLINE = b"online", b"stopped", b"offline"
_PAUSES = BackOff(1.0, 60.0)
_PAUSES_OF_RIVALS = BackOff(15.0, 600.0)
_STEADY_SECONDS = 20.0
_MANY_SHORT_ONES, _MANY_SHORT_ONES_WITHOUT_REASONS = 25, 5
_LOOK_EVERY_SHORT_ONES = 2
_BATCH = 100


@dataclass(eq=False, repr=False)
class Publisher:
    """One daemon's voice on one broker.

    Events are sent one at a time, so that they arrive in order, and the cursor moves to what the broker has
    acknowledged, and past what it refuses while it takes other things. While it has a backlog the cursor moves once a
    batch: a killed daemon may then publish up to a batch again, under the same event ids.
    """

    settings: MessageSettings
    catalog: CatalogThread
    transport: Transport
    retained: Retained = field(default_factory=Retained)
    _: KW_ONLY
    memory: Path | None = None
    consumer: str = "mqtt"
    acknowledge_time_limit: float = 10.0
    acknowledged: Callable[[Recorded], None] = lambda recorded: None
    observer: DeliveryObserver = field(default_factory=Uncounted)
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    chance: random.Random = field(default_factory=random.Random)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self.state = BrokerState(configured=True)
        self._leftovers = Leftovers(self.settings.topics.root, self.retained, self.memory)
        self._gives_reasons = True
        self._failures = 0
        self._has_rival = False
        self._is_taken_over = False
        self._taken_over = 0
        self._taken_over_at: float | None = None
        self._short_ones = 0
        self._delivery = Delivery(
            self.settings.topics,
            self._availability(ONLINE),
            time_limit=self.acknowledge_time_limit,
            observer=self.observer,
            pause=self.pause,
            clock=self.clock,
        )

    async def run(self) -> None:
        """Until cancelled, which says `stopped` to the broker."""
        while True:
            began = self.clock()
            try:
                # In a task of its own: in Python 3.11 a task group that fails as it is cancelled forgets that, and
                # counts its own cancelling, so that only a task without one knows whether it was asked to stop.
                await asyncio.create_task(self._connection())
            except BrokerAway as fault:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from None
                self._delivery.lost(fault.code)
                self._count(fault, self.clock() - began)
                if self.state.error != str(fault):
                    log.warning("broker: %s", fault)
                self.state = BrokerState(configured=True, error=str(fault))
            await self.pause(self._next_pause())

    def problems(self) -> Iterator[Problem]:
        """What the broker does not take, and who takes over; that it is away is in the status."""
        refused = list(self._delivery.standing.values())
        if refused:
            more = f" {len(refused) - 1} other kinds of messages are refused, too." if len(refused) > 1 else ""
            last = refused[-1]
            said = f"The broker does not take messages for {last.kind}: {last.said}{more}"
            yield Problem("broker", "refused", "warning", said, min(each.since for each in refused))
        if self._taken_over_at is not None and self.clock() - self._taken_over_at < _PAUSES_OF_RIVALS.longest_seconds:
            said = "Another client connects to the broker with the id of this daemon, and ends its connections. "
            yield Problem("broker", "id", "critical", said + "Do two daemons have the same site and instance?")

    def _count(self, fault: BrokerAway, seconds: float) -> None:
        """What the end of a connection after so many seconds means for the pause before the next one."""
        self._is_taken_over = fault.code == TAKEN_OVER or self._has_rival
        self._has_rival = False
        if self._is_taken_over:
            self._taken_over += 1
            self._taken_over_at = self.clock()
        elif seconds > _PAUSES_OF_RIVALS.longest_seconds:
            self._taken_over = 0
        # MQTT 3.1.1 does not say that it was a takeover, nor does every broker of MQTT 5.
        self._short_ones = self._short_ones + 1 if self.state.connected and seconds < _STEADY_SECONDS else 0

    def _next_pause(self) -> float:
        """Jitter: after a broker's restart its daemons must not all come at once, every time."""
        many = _MANY_SHORT_ONES if self._gives_reasons else _MANY_SHORT_ONES_WITHOUT_REASONS
        self._failures += 1
        longest = _PAUSES.seconds(max(self._failures, self._short_ones - many + 1))
        if self._is_taken_over:
            # Two that take each other's place would do nothing else.
            longest = _PAUSES_OF_RIVALS.seconds(self._taken_over)
        return longest * self.chance.uniform(0.5, 1)

    async def _connection(self) -> None:
        """One connection. However early it is cancelled, `stopped` is its last word."""
        async with self.transport.connect(will=self._availability(OFFLINE)) as connection:
            try:
                await self._talk(connection)
            except asyncio.CancelledError:
                with suppress(BrokerAway, MessageRefused, TimeoutError):
                    async with asyncio.timeout(self.acknowledge_time_limit):
                        await connection.publish(self._availability(STOPPED))
                raise

    async def _talk(self, connection: Connection) -> None:
        """Publish `online`, then what there is to publish, until the connection is lost."""
        self._gives_reasons = connection.gives_reasons
        self._delivery.begin()
        await self._delivery.send(connection, self._availability(ONLINE))
        self.state = BrokerState(configured=True, connected=True)
        log.info("broker: connected")
        if self._short_ones and self._short_ones % _LOOK_EVERY_SHORT_ONES == 0:
            # Not each time: two that only look at what the other has published would publish nothing.
            await self._look_for_a_rival(connection)
        self.retained.send_all_again()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(connection.lost())
                tasks.create_task(self._publish_events(connection))
                tasks.create_task(self._publish_retained(connection))
                tasks.create_task(self._leftovers.run(connection))
        except ExceptionGroup as faults:
            if (away := the_one(BrokerAway, faults)) is None:
                raise
            raise away from None

    async def _look_for_a_rival(self, connection: Connection) -> None:
        """Whether another daemon has published its status in our place: brokers seldom say who ended a connection."""
        topic = self.settings.topics.status
        self._has_rival = False
        kept = await connection.retained([topic], enough=1)
        self._has_rival = is_of_another(kept.get(topic, b""), self.retained.wanted.get(topic, b""))

    async def _publish_events(self, connection: Connection) -> None:
        cursor = await self.catalog.cursor(self.consumer)
        while True:
            await self.catalog.wait_beyond(cursor)
            batch = await self.catalog.events_after(cursor, _BATCH)
            dealt_with = cursor
            try:
                for recorded in batch:
                    taken = await self._delivery.send(connection, message_of(recorded, self.settings))
                    cursor = recorded.seq
                    if taken:
                        self._failures = 0
                        self.acknowledged(recorded)
                    if self._delivery.takes:
                        dealt_with = cursor
                        if len(batch) < _BATCH:
                            await self.catalog.move_cursor(self.consumer, cursor)
            finally:
                if len(batch) == _BATCH:
                    await self.catalog.move_cursor(self.consumer, dealt_with)
            if not self._delivery.takes:
                raise BrokerAway(f"{self._delivery.refusal} It takes nothing at all, so everything waits.")

    async def _publish_retained(self, connection: Connection) -> None:
        while True:
            message = await self.retained.next()
            taken = await self._delivery.send(connection, message)
            self.retained.sent(message)
            # Only now is the broker well: one that takes connections and nothing else is not asked ever faster.
            if taken:
                self._failures = 0

    def _availability(self, word: bytes) -> Message:
        return Message(self.settings.topics.availability, word, retain=True)
