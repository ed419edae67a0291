"""Serves an application on a Unix socket or on TCP, inside the daemon's own event loop."""

import asyncio
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from livetomo.core.errors import AddressAway, ConfigurationError
from livetomo.web.connections import bounded, most_connections

_STOP_SECONDS = 3


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
