"""The page's listener, which waits for its address: a network may come after the daemon, a port become free later."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator

from starlette.applications import Starlette

from livetomo.config.configuration import Http
from livetomo.core.errors import AddressAway
from livetomo.core.problems import Problem
from livetomo.web.server import Server, bind_tcp

_AGAIN_SECONDS = 5.0

log = logging.getLogger(__name__)


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
