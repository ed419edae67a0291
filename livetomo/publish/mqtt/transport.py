"""What the publisher needs of a broker: connect, have messages acknowledged, know when the connection is lost."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NoReturn, Protocol

from livetomo.publish.payloads.events import Message


class Connection(Protocol):
    """An open connection. Everything raises `BrokerAway` when it is no longer one.

    gives_reasons: whether the broker says why it refuses a message or hangs up, as MQTT 5 has it.
    """

    gives_reasons: bool

    async def publish(self, message: Message) -> None:
        """Return when the broker has acknowledged `message`, which at QoS 0 is at once.

        Raises:
            MessageRefused: it does not take this message, and others perhaps.
        """

    async def retained(self, filters: Sequence[str], enough: int | None = None) -> Mapping[str, bytes]:
        """What the broker retains there, by topic: nothing where this user may not read.

        enough: come back as soon as so many are there, instead of when no more come.
        """

    async def lost(self) -> NoReturn:
        """Wait until the connection is lost, then raise `BrokerAway`."""


class Transport(Protocol):
    """A way to one broker."""

    def connect(self, will: Message) -> AbstractAsyncContextManager[Connection]:
        """Connect within a time limit, or raise `BrokerAway`; leaving the context disconnects without the will."""
