"""What the publisher needs of a broker: connect, have messages acknowledged, be told when the connection is lost."""

from contextlib import AbstractAsyncContextManager
from typing import NoReturn, Protocol

from livetomo.publish.messages import Message


class Connection(Protocol):
    """An open connection. Everything raises `BrokerAway` when it is no longer one."""

    async def publish(self, message: Message) -> None:
        """Return when the broker has acknowledged `message`, which at QoS 0 is at once."""

    async def lost(self) -> NoReturn:
        """Wait until the connection is lost, then raise `BrokerAway`."""


class Transport(Protocol):
    """A way to one broker."""

    def connect(self, will: Message) -> AbstractAsyncContextManager[Connection]:
        """Connect within a time limit, or raise `BrokerAway`; leaving the context disconnects without the will."""
