"""What strangers send: malformed requests are answered 400, and open connections do not take the daemon's files."""

import asyncio
import resource
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from livetomo.config.configuration import Config, validate_config
from livetomo.daemon import run as daemon
from livetomo.web import server as listeners
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules, TokenFile
from livetomo.web.server import Server, bind_tcp, bounded, most_connections, raise_descriptor_limit
from tests.web.site import FakeDaemon, site
from tests.web.test_server import serving


async def nothing(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


@asynccontextmanager
async def listening(folder: Path, rules: AccessRules) -> AsyncIterator[int]:
    shown = site(FakeDaemon(folder), actions={"pause": nothing})
    server = Server(create_app(shown, rules), bind_tcp("127.0.0.1", 0))
    async with serving(server):
        yield server.port


async def send(port: int, request: bytes) -> int:
    """The status that a request, byte by byte, is answered with."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(5):
        line = await reader.readline()
    writer.close()
    return int(line.split()[1])


def get(path: bytes = b"/api/v1/status", *headers: bytes, host: bytes = b"localhost") -> bytes:
    return b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"host: " + host, *headers, b"", b""])


def post(body: bytes, *headers: bytes) -> bytes:
    length = b"content-length: %d" % len(body)
    lines = [b"POST /api/v1/actions/pause HTTP/1.1", b"host: localhost", b"authorization: Bearer key", length, *headers]
    return b"\r\n".join([*lines, b"", body])


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


MALFORMED = {
    "a host with half a bracket": get(host=b"[::1"),
    "a host with brackets around a name": get(host=b"[name]"),
    "a host with a port that is none": get(host=b"localhost:port"),
    "a host with a port out of range": get(host=b"localhost:99999999"),
    "a host that is not ASCII": get(host="naïve".encode()),
    "a cookie that is not ASCII": get(b"/api/v1/status", b"cookie: livetomo=\xff\xfe", host=b"other"),
    "a cookie with a quoted octal": get(b"/api/v1/status", b'cookie: livetomo="\\351"', host=b"other"),
    "a number that is none": get(b"/api/v1/events?after=x"),
    "a number of many digits": get(b"/api/v1/events?after=" + b"9" * 5000),
    "JSON that ends early": post(b'{"a": '),
    "JSON that is a list": post(b"[]"),
    "JSON nested without end": post(b"[" * 60_000),
    "JSON with a number of many digits": post(b'{"a": ' + b"9" * 10_000 + b"}"),
    "JSON that is not UTF-8": post(b'{"a": "\xff"}'),
    "a first line that is none": b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
}


@pytest.mark.parametrize("request_bytes", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_request_is_the_senders_mistake(tmp_path: Path, request_bytes: bytes) -> None:
    async with listening(tmp_path, AccessRules(token=lambda: "key", cookie_name="livetomo")) as port:
        assert await send(port, request_bytes) in (400, 421)
        assert await send(port, get()) == 200


@pytest.mark.parametrize(
    "path",
    [
        b"/api/v1/tomograms?watch=%ff&session=%00",
        b"/api/v1/tomograms?watch=a&session=b&name=%ed%a0%80",
        b"/api/v1/results/%00",
        b"/api/v1/results/%2e%2e",
        b"/api/v1/latest/%ff",
        b"/static/%00",
        b"/static/" + b"a" * 5000,
        b"/%c3%28",
    ],
)
async def test_a_path_of_any_bytes_is_answered(tmp_path: Path, path: bytes) -> None:
    async with listening(tmp_path, AccessRules()) as port:
        assert await send(port, get(path)) in (200, 400, 404)


async def test_idle_connections_leave_the_daemon_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "most_connections", lambda descriptors: 20)
    async with listening(tmp_path, AccessRules()) as port:
        before = open_files()
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        refused = [reader for reader, _ in idle[20:]]
        async with asyncio.timeout(5):
            assert (await refused[-1].readline()).startswith(b"HTTP/1.1 503")
            await asyncio.gather(*(reader.read() for reader in refused))
        held = open_files() - before - len(idle)  # both ends are in this process
        assert held <= 25
        for _, writer in idle[:30]:
            writer.close()
        await asyncio.sleep(0.1)
        assert await send(port, get()) == 200


async def test_a_connection_that_asks_for_nothing_is_closed_and_an_open_page_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "bounded", lambda most: bounded(most, ask_seconds=0.3))
    async with listening(tmp_path, AccessRules()) as port:
        silent, _ = await asyncio.open_connection("127.0.0.1", port)
        slow, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nhost: local")
        async with httpx.AsyncClient() as client, client.stream("GET", f"http://127.0.0.1:{port}/events") as page:
            lines = page.aiter_lines()
            async with asyncio.timeout(5):
                assert await silent.read() == b""
                assert await slow.read() == b""
            await asyncio.sleep(0.5)
            assert await anext(lines) == "retry: 2000"
            assert not page.is_closed


def test_a_daemon_may_open_as_many_files_as_the_system_lets_it() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(512, before[1]), before[1]))
    try:
        assert raise_descriptor_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(before[1], 4096)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert [most_connections(n) for n in (16, 128, 1024, 65_536)] == [4, 32, 256, 256]


async def test_two_daemons_on_one_host_do_not_log_each_other_out(tmp_path: Path) -> None:
    configs = [configuration(tmp_path, instance=name, token=f"key of {name}") for name in ("main", "test")]
    tokens = [TokenFile(config.http.token_file) for config in configs]
    rules = [daemon._rules(config, token) for config, token in zip(configs, tokens, strict=True)]
    one, two = (create_app(site(FakeDaemon(tmp_path)), each) for each in rules)
    jar = httpx.Cookies()
    for app, token in ((one, "key of main"), (two, "key of test")):
        async with browser(app, jar) as client:
            assert (await client.post("/login", data={"token": token})).status_code == 303
            jar.update(client.cookies)
    for app in (one, two):
        async with browser(app, jar) as client:
            assert (await client.get("/api/v1/status")).status_code == 200


def configuration(folder: Path, *, instance: str, token: str) -> Config:
    secret = folder / f"{instance}-token"
    secret.write_text(token)
    watch = {"name": "krios1", "path": str(folder)}
    http = {"listen": "10.0.0.1:8787", "token_file": str(secret)}
    content = {"site": "em", "instance": instance, "state": str(folder), "output": str(folder), "http": http}
    return validate_config(content | {"watch": [watch]}, "livetomo.toml")


def browser(app: Starlette, jar: httpx.Cookies) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://em.example", cookies=jar)
