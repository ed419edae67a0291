"""Listeners: who reaches them, and that they end when they are stopped."""

import asyncio
import signal
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from livetomo.core.errors import AddressAway, LivetomoError, Unreachable
from livetomo.system.control_socket import SOCKET_NAME, ask
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules
from livetomo.web.server import Server, bind_tcp, bind_unix
from livetomo.web.server_sent_events import Live
from tests.web.site import FakeDaemon, site


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[None]:
    task = asyncio.create_task(server.run())
    try:
        yield
    finally:
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.wait([task])
        assert task.cancelled()


async def test_port_0_is_a_free_port_that_is_reported(tmp_path: Path) -> None:
    server = Server(create_app(site(FakeDaemon(tmp_path)), AccessRules()), bind_tcp("127.0.0.1", 0))
    async with serving(server), httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{server.port}/healthz")
        assert answer.text == "ok\n"


async def test_a_port_that_is_taken_is_said_with_its_key() -> None:
    with bind_tcp("127.0.0.1", 0) as taken, pytest.raises(AddressAway, match=r'"listen".*cannot be bound'):
        bind_tcp("127.0.0.1", taken.getsockname()[1])


async def test_the_unix_socket_is_for_this_user_only_and_replaces_a_stale_one(tmp_path: Path) -> None:
    path = tmp_path / SOCKET_NAME
    bind_unix(path).close()
    server = Server(create_app(site(FakeDaemon(tmp_path)), AccessRules(full_control=True)), bind_unix(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with serving(server):
        answer = await asyncio.to_thread(ask, tmp_path, "/api/v1/status")
        assert answer["status"]["site"] == "facility"
        with pytest.raises(LivetomoError, match="no such action"):
            await asyncio.to_thread(lambda: ask(tmp_path, "/api/v1/actions/explode", method="POST", body={}))


async def test_an_open_page_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    server = Server(create_app(site(FakeDaemon(tmp_path)), AccessRules()), bind_tcp("127.0.0.1", 0))
    async with httpx.AsyncClient() as client:
        async with serving(server):
            stream = client.stream("GET", f"http://127.0.0.1:{server.port}/events")
            response = await stream.__aenter__()
            lines = response.aiter_lines()
            assert await anext(lines) == "retry: 2000"
            before = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - before < 2.5
        await stream.__aexit__(None, None, None)


async def test_signals_stay_the_daemons_own(tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    server = Server(create_app(site(FakeDaemon(tmp_path)), AccessRules()), bind_tcp("127.0.0.1", 0))
    async with serving(server), httpx.AsyncClient() as client:
        await client.get(f"http://127.0.0.1:{server.port}/healthz")
        assert signal.getsignal(signal.SIGTERM) is handler


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (PlainTextResponse("Internal Server Error", 500), "500 Internal Server Error and no JSON, but: Internal Serv"),
        (HTMLResponse("<html>\n<body>Log in</body></html>"), "200 OK and no JSON, but: <html> <body>Log in"),
        (Response(b"", 502), "502 Bad Gateway and no JSON, but: nothing"),
        (JSONResponse({"error": "the catalog is slow"}, 503), "503 Service Unavailable: the catalog is slow"),
    ],
    ids=["no JSON", "a proxy's page", "nothing", "JSON"],
)
async def test_an_answer_that_is_none_is_reported_as_it_is_and_not_as_silence(
    tmp_path: Path, answer: Response, said: str
) -> None:
    app = Starlette(routes=[Route("/api/v1/status", lambda request: answer)])
    app.state.live = Live(FakeDaemon(tmp_path))
    async with serving(Server(app, bind_unix(tmp_path / SOCKET_NAME))):
        with pytest.raises(Unreachable) as raised:
            await asyncio.to_thread(ask, tmp_path, "/api/v1/status")
    assert said in str(raised.value)
    assert f"GET /api/v1/status at {tmp_path / SOCKET_NAME}" in str(raised.value)
    assert "no daemon answers" not in str(raised.value)
