"""How many connections a listener holds, and for how long one that asks for nothing: files must stay for the work."""

import asyncio
import resource

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

MOST_CONNECTIONS = 256
ASK_SECONDS = 20.0
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 59\r\n"
    b"retry-after: 5\r\nconnection: close\r\n\r\n"
    b"too many connections to this daemon are open; try it later\n"
)


def raise_descriptor_limit() -> int:
    """Let this process open as many files as the system allows it; how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65_536) if hard != resource.RLIM_INFINITY else 65_536
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return soft if soft != resource.RLIM_INFINITY else wanted


def most_connections(descriptors: int) -> int:
    """How many connections one listener may hold of so many descriptors: a quarter, for there are two listeners."""
    return max(4, min(MOST_CONNECTIONS, descriptors // 4))


class BoundedConnection(H11Protocol):
    """One connection. What is over the limit is answered 503, and one that does not ask for anything is closed.

    most: how many one listener holds at a time. ask_seconds: how long a request may take to arrive.
    """

    most = MOST_CONNECTIONS
    ask_seconds = ASK_SECONDS
    _asking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As `H11Protocol.connection_made`, or the refusal."""
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.write(_BUSY)
            transport.close()
            return
        self._asking = self.loop.call_later(self.ask_seconds, self._close_if_silent, None)

    def connection_lost(self, exc: Exception | None) -> None:
        """As `H11Protocol.connection_lost`."""
        if self._asking is not None:
            self._asking.cancel()
        super().connection_lost(exc)

    def _close_if_silent(self, before: RequestResponseCycle | None) -> None:
        """Close where no whole request has come since `before`; what is being answered goes on."""
        if self.cycle is before and (before is None or before.response_complete):
            self.transport.close()
        else:
            self._asking = self.loop.call_later(self.ask_seconds, self._close_if_silent, self.cycle)


def bounded(most: int, ask_seconds: float = ASK_SECONDS) -> type[BoundedConnection]:
    """The protocol of a listener that holds `most` connections."""
    return type("Connection", (BoundedConnection,), {"most": most, "ask_seconds": ask_seconds})
