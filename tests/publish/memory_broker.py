"""A broker in memory that can go away, hang, refuse and forget, for tests that need no real one."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import NoReturn

from livetomo.core.errors import BrokerAway, MessageRefused
from livetomo.publish.mqtt.refusals import TOO_LARGE, refusal_of
from livetomo.publish.payloads.events import Message


class MemoryBroker:
    """Keeps what it acknowledged in `log`, and the newest retained payload of each topic in `retained`.

    refuses: messages that are answered with a refusal, by its reason code; None takes it.
    hangs_up: messages over which the connection is ended, by the reason code that is given, 0: none.
    may_read: whether what is retained can be looked at.
    largest: bytes of the largest payload that is taken; None: no limit.
    loses_acknowledgement: messages that are kept, but whose acknowledgement never leaves: the connection dies instead.
    """

    def __init__(self) -> None:
        self.log: list[Message] = []
        self.retained: dict[str, bytes] = {}
        self.connections = 0
        self.gives_reasons = True
        self.may_read = True
        self.largest: int | None = None
        self.refuses: Callable[[Message], int | None] = lambda message: None
        self.hangs_up: Callable[[Message], int | None] = lambda message: None
        self.loses_acknowledgement: Callable[[Message], bool] = lambda message: False
        self._there = True
        self._answers = asyncio.Event()
        self._answers.set()
        self._open: set[_MemoryConnection] = set()
        self._news = asyncio.Condition()

    @asynccontextmanager
    async def connect(self, will: Message) -> AsyncIterator["_MemoryConnection"]:
        """A connection of this process; its will is published when it is lost, not when it is closed."""
        await self._answers.wait()
        if not self._there:
            raise BrokerAway("the broker in memory is away")
        connection = _MemoryConnection(self, will)
        self._open.add(connection)
        self.connections += 1
        try:
            yield connection
        finally:
            self._open.discard(connection)

    async def stop(self, *, forget: bool = False) -> None:
        """Go away; every connection is lost. `forget`: without persistence, retained messages too."""
        self._there = False
        await self.cut_all()
        if forget:
            self.retained.clear()

    def start(self) -> None:
        """Be there again."""
        self._there = True

    def hang(self) -> None:
        """Answer nothing more, without closing anything."""
        self._answers.clear()

    def answer_again(self) -> None:
        """End what `hang` began."""
        self._answers.set()

    async def cut_all(self) -> None:
        """Lose every connection."""
        for connection in list(self._open):
            await self.cut(connection)

    async def cut(self, connection: "_MemoryConnection", code: int | None = None) -> None:
        """Lose one connection, as a cut cable would, or for the reason `code`; its will is published."""
        self._open.discard(connection)
        connection.lose(code)
        await self._keep(connection.will)

    async def received(self, enough: Callable[[list[Message]], bool]) -> list[Message]:
        """The log, as soon as it is `enough`."""
        async with self._news:
            await self._news.wait_for(lambda: enough(self.log))
            return list(self.log)

    async def take(self, connection: "_MemoryConnection", message: Message) -> None:
        """What a connection publishes."""
        await self._answers.wait()
        if (code := self.hangs_up(message)) is not None:
            await self.cut(connection, code or None)
            raise BrokerAway("the broker in memory hung up", code or None)
        if self.largest is not None and len(message.payload) > self.largest:
            raise MessageRefused(f"the broker in memory takes up to {self.largest:,} bytes", TOO_LARGE)
        if (code := self.refuses(message)) is not None:
            raise MessageRefused(f"the broker in memory refuses {message.topic} ({refusal_of(code).words})", code)
        await self._keep(message)
        if self.loses_acknowledgement(message):
            await self.cut(connection)
            raise BrokerAway("the connection was lost before the acknowledgement")

    async def _keep(self, message: Message) -> None:
        async with self._news:
            self.log.append(message)
            if message.retain and message.payload:
                self.retained[message.topic] = message.payload
            elif message.retain:
                self.retained.pop(message.topic, None)
            self._news.notify_all()


class _MemoryConnection:
    def __init__(self, broker: MemoryBroker, will: Message) -> None:
        self.will = will
        self.gives_reasons = broker.gives_reasons
        self._broker = broker
        self._lost = asyncio.Event()
        self._code: int | None = None

    async def publish(self, message: Message) -> None:
        if self._lost.is_set():
            raise BrokerAway("the connection was lost", self._code)
        await self._broker.take(self, message)

    async def retained(self, filters: Sequence[str], enough: int | None = None) -> Mapping[str, bytes]:
        if not self._broker.may_read:
            return {}
        patterns = [re.compile(re.escape(each).replace(r"\+", "[^/]+")) for each in filters]
        there = self._broker.retained.items()
        return {topic: payload for topic, payload in there if any(pattern.fullmatch(topic) for pattern in patterns)}

    async def lost(self) -> NoReturn:
        await self._lost.wait()
        raise BrokerAway("the connection was lost", self._code)

    def lose(self, code: int | None) -> None:
        self._code = code
        self._lost.set()
