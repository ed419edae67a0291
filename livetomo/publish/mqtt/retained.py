"""What the broker should hold for later subscribers: the newest payload of each topic, sent when there is a way."""

import asyncio
from collections.abc import Mapping

from livetomo.publish.payloads.events import Message


class Retained:
    """Wanted payloads by topic. Only the newest counts, so nothing piles up while the broker is away.

    is_complete: set by the publisher once it has put all that should stand: what else stands is a leftover then.
    """

    def __init__(self) -> None:
        self.is_complete = asyncio.Event()
        self._wanted: dict[str, bytes] = {}
        self._pending: dict[str, bytes] = {}
        self._news = asyncio.Event()

    @property
    def wanted(self) -> Mapping[str, bytes]:
        """What should stand, by topic."""
        return self._wanted

    def put(self, topic: str, payload: bytes) -> None:
        """Have `payload` held at `topic`."""
        if self._wanted.get(topic) != payload:
            self._wanted[topic] = payload
            self._want(topic, payload)

    def clear(self, topic: str) -> None:
        """Have nothing held at `topic`; an empty retained payload is how MQTT forgets."""
        self._wanted.pop(topic, None)
        self._want(topic, b"")

    def send_all_again(self) -> None:
        """Take nothing for granted: the broker may have forgotten."""
        self._pending = self._wanted | {topic: b"" for topic, payload in self._pending.items() if not payload}
        self._news.set()

    async def next(self) -> Message:
        """The next message to send, as soon as there is one."""
        while not self._pending:
            self._news.clear()
            await self._news.wait()
        topic = next(iter(self._pending))
        return Message(topic, self._pending[topic], retain=True)

    def sent(self, message: Message) -> None:
        """The broker has acknowledged `message`; what was put meanwhile is still to be sent."""
        if self._pending.get(message.topic) == message.payload:
            del self._pending[message.topic]

    def _want(self, topic: str, payload: bytes) -> None:
        self._pending[topic] = payload
        self._news.set()
