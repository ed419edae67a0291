"""Serves an application on a Unix socket or on TCP, in the daemon's event loop; connections must leave it files."""

import asyncio
import logging
import os
import resource
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from livetomo.config.configuration import Http
from livetomo.core.errors import AddressAway, ConfigurationError
from livetomo.core.problems import Problem

_STOP_SECONDS = 3
MOST_CONNECTIONS = 256
ASK_SECONDS = 20.0
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 59\r\n"
    b"retry-after: 5\r\nconnection: close\r\n\r\n"
    b"too many connections to this daemon are open; try it later\n"
)

_AGAIN_SECONDS = 5.0

log = logging.getLogger("livetomo.web.listening")


class Server:
    """One listener. Its socket is bound when it is made, so that its owner can connect at once."""

    def __init__(self, app: Starlette, listener: socket.socket) -> None:
        self._app = app
        self._listener = listener
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                http=bounded(most_connections(descriptors)),
                ws="none",
                # asyncio accepts so many at once before the first of them can be refused.
                backlog=max(16, most_connections(descriptors) // 2),
                timeout_graceful_shutdown=_STOP_SECONDS,
            )
        )

    @property
    def port(self) -> int:
        """The TCP port that was bound."""
        return int(self._listener.getsockname()[1])

    async def run(self) -> None:
        """Serve until cancelled; then finish what is being answered, for at most some seconds."""
        serving = asyncio.create_task(self._server.serve([self._listener]))
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self._app.state.live.closing.set()
            self._server.should_exit = True
            with suppress(asyncio.CancelledError):
                await serving
            raise


class _Uvicorn(uvicorn.Server):
    """Uvicorn without its signal handlers: what a signal means is the daemon's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def bind_tcp(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        AddressAway: the address is not there, or another program has it; that may be otherwise soon.
        ConfigurationError: this user may not bind it.
    """
    try:
        family, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((host, port), family=family, backlog=128)
    except PermissionError as fault:
        raise ConfigurationError(
            f'http: "listen": {_written(host, port)} cannot be bound by this user ({fault.strerror}). Ports below 1024 '
            "are the system's: choose another one."
        ) from None
    except (OSError, ValueError) as fault:  # a ValueError is a name that no resolver is asked for
        why = getattr(fault, "strerror", None) or str(fault)
        raise AddressAway(
            f'http: "listen": {_written(host, port)} cannot be bound ({why}). Is another program, or another livetomo, '
            "listening there? Is the network up?"
        ) from None


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def bind_unix(path: Path) -> socket.socket:
    """A listening socket that only this user can reach; one that an earlier daemon left behind is replaced."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o177)  # from the first moment on, not only after a chmod
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
    except OSError as fault:
        listener.close()
        raise ConfigurationError(f"state: the socket {path} cannot be made ({fault}). Is the path too long?") from None
    finally:
        os.umask(old)
    listener.listen(128)
    return listener


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


class HttpListener:
    """Binds the address of `http`, when it can; the work goes on without."""

    def __init__(self, http: Http, pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
        self._http = http
        self._pause = pause
        self._socket: socket.socket | None = None
        self._trouble = ""

    @property
    def url(self) -> str:
        """Where the page is, or will be."""
        port = self._http.port if self._socket is None else self._socket.getsockname()[1]
        return f"http://{self._http.listen.rpartition(':')[0]}:{port}"

    async def bind(self) -> bool:
        """Try once; whether the address is bound.

        Raises:
            ConfigurationError: this user may never bind it.
        """
        if self._socket is None:
            try:
                # In a thread, since a name may have to be resolved.
                self._socket = await asyncio.to_thread(bind_tcp, self._http.host, self._http.port)
            except AddressAway as fault:
                if str(fault) != self._trouble:
                    log.warning("%s It is tried again; everything else goes on.", fault)
                self._trouble = str(fault)
                return False
            if self._trouble:
                log.info("http: listening at %s now", self.url)
            self._trouble = ""
        return True

    async def serve(self, app: Starlette) -> None:
        """Serve `app` until cancelled, as soon as the address can be bound."""
        while not await self.bind():
            await self._pause(_AGAIN_SECONDS)
        assert self._socket is not None
        await Server(app, self._socket).run()

    def problems(self) -> Iterator[Problem]:
        """Why nobody reaches the page."""
        if self._trouble:
            yield Problem("http", "listen", "warning", self._trouble)


class PageServer:
    """Serves one application at one listener."""

    def __init__(self, app: Starlette, listener: HttpListener) -> None:
        self._app = app
        self._listener = listener

    async def run(self) -> None:
        """Until cancelled."""
        await self._listener.serve(self._app)
