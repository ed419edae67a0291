"""An address that is not there yet, or a token that comes late, costs the page for a while, and never the work."""

import asyncio
import socket
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from livetomo.config.configuration import Http
from livetomo.core.errors import AddressAway, ConfigurationError
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules, TokenFile
from livetomo.web.server import HttpListener, PageServer, bind_tcp
from tests.web.site import FakeDaemon, site

HAS_IPV6 = socket.has_ipv6 and bool(Path("/proc/net/if_inet6").read_text())

PASSING = {
    "an address that is not there yet": "198.51.100.7:8787",
    "a name that is not known yet": "no-such-host.invalid:8787",
    "a name that no resolver is asked for": f"{'a' * 64}.example:8787",
    "an IPv6 address that is not there yet": "[2001:db8::7]:8787",
}


@pytest.mark.parametrize("listen", PASSING.values(), ids=PASSING)
async def test_an_address_that_is_not_there_yet_is_waited_for_and_said(listen: str) -> None:
    listener = HttpListener(Http(listen=listen))
    assert not await listener.bind()
    (problem,) = listener.problems()
    assert problem.name == "http-listen"
    assert f'"listen": {listen} cannot be bound' in problem.message
    assert listener.url == f"http://{listen}"


async def test_a_port_that_becomes_free_is_taken_then(tmp_path: Path) -> None:
    taken = bind_tcp("127.0.0.1", 0)
    port = taken.getsockname()[1]
    paused = asyncio.Event()

    async def pause(seconds: float) -> None:
        paused.set()
        await asyncio.sleep(0.01)

    listener = HttpListener(Http(listen=f"127.0.0.1:{port}"), pause=pause)
    task = asyncio.create_task(PageServer(create_app(site(FakeDaemon(tmp_path)), AccessRules()), listener).run())
    await paused.wait()
    assert [problem.name for problem in listener.problems()] == ["http-listen"]
    taken.close()
    async with asyncio.timeout(5), httpx.AsyncClient() as client:
        while True:
            with suppress(httpx.ConnectError):
                assert (await client.get(f"{listener.url}/healthz")).text == "ok\n"
                break
    assert list(listener.problems()) == []
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.skipif(not HAS_IPV6, reason="no IPv6 here")
async def test_an_ipv6_address_in_brackets_is_bound_and_reported_in_brackets() -> None:
    listener = HttpListener(Http(listen="[::1]:0"))
    assert await listener.bind()
    assert listener.url.startswith("http://[::1]:")
    assert not listener.url.endswith(":0")


def test_a_port_that_this_user_may_never_have_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket, "create_server", refuse)
    with pytest.raises(ConfigurationError, match="by this user"):
        bind_tcp("127.0.0.1", 80)


def test_an_address_in_use_is_no_mistake() -> None:
    with bind_tcp("127.0.0.1", 0) as taken, pytest.raises(AddressAway):
        bind_tcp("127.0.0.1", taken.getsockname()[1])


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 2
        return self.now


def test_a_token_comes_late_is_replaced_and_outlives_the_moment_without_its_file(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = TokenFile(path, clock=Clock())
    rules = AccessRules(open_reading=False, token=token)
    steps: list[tuple[bytes | None, str | None]] = [
        (None, None),
        (b"", None),
        (b"first\n", "first"),
        (b"", "first"),
        (None, "first"),
        (b"\xff\xfe\xff", "first"),
        (b"second\r\n", "second"),
        (b"\xef\xbb\xbfthird \n", "third"),
    ]
    for content, expected in steps:
        path.unlink(missing_ok=True)
        if content is not None:
            (tmp_path / "new").write_bytes(content)
            (tmp_path / "new").replace(path)
        assert token() == expected
        assert rules.accepts("first") == (expected == "first")
        well = content is not None and expected is not None and expected.encode() in content
        assert [problem.name for problem in token.problems()] == ([] if well else ["http-token"])
