"""Who may do what, by the token that its file has at the moment; headers that keep a browser from what nobody asked."""

import hashlib
import hmac
import ipaddress
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from livetomo.core.errors import SecretUnreadable
from livetomo.core.problems import Problem
from livetomo.system.secret_files import read_token

COOKIE = "livetomo"
_OPEN_PATHS = ("/healthz", "/login", "/static/page.css")
_READING = ("GET", "HEAD", "OPTIONS")
_LOOK_SECONDS = 1.0
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class AccessRules:
    """What a listener allows.

    full_control: each client that reaches it may do everything (the Unix socket, guarded by its file's mode).
    open_reading: reading needs no token (loopback).
    token:        what changes need, and reading where it is not open, asked at each request: its file may be replaced;
                  None: nothing can be changed here.
    host:         the name that a proxy in front is reached by, of `http.public_url`.
    cookie_name:  of this daemon alone: a browser sends a host's cookies to each of its ports.
    """

    full_control: bool = False
    open_reading: bool = True
    token: Callable[[], str | None] = lambda: None
    host: str | None = None
    cookie_name: str = COOKIE

    def refuses(self, request: HTTPConnection, method: str) -> tuple[int, str] | None:
        """A status and a sentence where the request is not allowed."""
        if self.full_control or request.url.path in _OPEN_PATHS or request.url.path.startswith("/static/"):
            return None
        if self._has_token(request):
            return None
        if method not in _READING:
            why = (
                "changes need the token"
                if self.token()
                else 'nothing can be changed here: "token_file" is not configured'
            )
            return 403, f"{why}; on the daemon's own machine, use the livetomo command"
        if self._has_cookie(request):
            return None
        if not self.open_reading:
            return 401, "reading needs the token, as Authorization: Bearer …"
        name = _host_name(request.headers.get("host", ""))
        if name is None:
            return 400, "the header Host holds no name of a host"
        if not self._is_own_host(name):
            # A web site could have its own name resolve to 127.0.0.1, and read with its visitors' browsers.
            return 421, 'this name is not known here; set "public_url" in the table http to the address of the proxy'
        return None

    def cookie(self) -> str:
        """What a browser is given for the token: enough to read, and not the token."""
        return hmac.new((self.token() or "").encode(), b"reading", hashlib.sha256).hexdigest()

    def accepts(self, token: str) -> bool:
        """Whether this is the token."""
        known = self.token()
        return known is not None and hmac.compare_digest(token.encode(), known.encode())

    def _has_token(self, request: HTTPConnection) -> bool:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        return scheme.lower() == "bearer" and self.accepts(value.strip())

    def _has_cookie(self, request: HTTPConnection) -> bool:
        given = request.cookies.get(self.cookie_name, "")
        return self.token() is not None and hmac.compare_digest(given.encode(), self.cookie().encode())

    def _is_own_host(self, name: str) -> bool:
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in ("localhost", self.host)
        return True


def _host_name(header: str) -> str | None:
    """The host's name or address in a Host header, without its port; None where it is malformed."""
    try:
        parts = urlsplit(f"//{header}")
        return (parts.hostname or "").rstrip(".") or None if parts.port != 0 and parts.netloc == header else None
    except ValueError:
        return None


class Guard:
    """Applies the rules to every request, and the headers to every answer."""

    def __init__(self, app: ASGIApp, rules: AccessRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._rules.refuses(HTTPConnection(scope), scope["method"])
        app = self._app if refusal is None else _refusal(*refusal, headers=Headers(scope=scope))
        await app(scope, receive, send_guarded)


def _refusal(status: int, why: str, headers: Headers) -> Response:
    if status == 401 and "text/html" in headers.get("accept", ""):
        return HTMLResponse(LOGIN, status)
    return JSONResponse({"error": why}, status, {"www-authenticate": "Bearer"} if status == 401 else None)


LOGIN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>livetomo</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="static/page.css">
<form class="login" method="post" action="login"><h1>livetomo</h1>
<label>Token <input type="password" name="token" autofocus autocomplete="current-password"></label>
<button>Look</button></form></html>"""


class TokenFile:
    """Reads the file again when it has changed. While it cannot be read, the last token stays in force."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked = -_LOOK_SECONDS
        self._version: tuple[int, int, int] | None = None
        self._token: str | None = None
        self._trouble = ""

    def __call__(self) -> str | None:
        """The token; None while there has been none."""
        if self._clock() - self._looked >= _LOOK_SECONDS:
            self._looked = self._clock()
            self._look()
        return self._token

    def problems(self) -> Iterator[Problem]:
        """Why there is no token, or none that is newer."""
        self()
        if self._trouble:
            what = "The last token stays in force" if self._token else "Without it nothing can be changed over HTTP"
            yield Problem("http", "token", "warning", f'http: "token_file": {self._trouble}. {what}.')

    def _look(self) -> None:
        try:
            facts = self._path.stat()
            version = facts.st_mtime_ns, facts.st_ino, facts.st_size
            if version != self._version or self._trouble:
                self._token, self._version = read_token(self._path), version
            self._trouble = ""
        except OSError as fault:
            self._trouble = f"{self._path} cannot be read ({fault.strerror})"
        except SecretUnreadable as fault:
            self._trouble = str(fault)
