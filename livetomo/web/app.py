"""All routes of one listener, behind its guard."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from livetomo.publish.payloads.events import MessageSettings
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.web.api import Actions, HttpApi
from livetomo.web.auth import LOGIN, AccessRules, Guard
from livetomo.web.files import Files
from livetomo.web.openapi import document
from livetomo.web.read_model import View, live_sessions, newest_of_each_watch
from livetomo.web.responses import answer, bounded_body, say_error
from livetomo.web.server_sent_events import Live

T = TypeVar("T")

CATALOG_SECONDS = 2.0
SCRAPE_SECONDS = 8.0
_STATIC = Path(str(resources.files("livetomo.web") / "static"))


@dataclass(frozen=True)
class Site:
    """What all listeners of a daemon show."""

    view: View
    settings: MessageSettings
    metrics: Metrics
    actions: Actions = field(default_factory=dict)


def create_app(site: Site, rules: AccessRules) -> Starlette:
    """The application of one listener. Set `app.state.live.closing` before its server is stopped."""
    live = Live(site.view)
    app = Starlette(
        routes=[*_pages(rules), *_probes(site), *_api(site), Route("/events", live.events)],
        middleware=[Middleware(Guard, rules=rules)],
        exception_handlers={HTTPException: say_error},
    )
    app.state.live = live
    return app


def _pages(rules: AccessRules) -> list[BaseRoute]:
    async def page(request: Request) -> Response:
        return FileResponse(_STATIC / "page.html", headers={"cache-control": "no-cache"})

    async def login(request: Request) -> Response:
        body = await bounded_body(request, 10_000, "this is not the token")
        (token,) = parse_qs(body.decode(errors="replace")).get("token", [""])[:1]
        if not rules.accepts(token.strip()):
            return HTMLResponse(LOGIN, 401)
        welcome = RedirectResponse(".", 303)
        secure = request.url.scheme == "https"
        welcome.set_cookie(
            rules.cookie_name, rules.cookie(), max_age=30 * 86400, httponly=True, samesite="strict", secure=secure
        )
        return welcome

    return [
        Route("/", page),
        Route("/login", login, methods=["POST"]),
        Mount("/static", StaticFiles(directory=_STATIC), name="static"),
    ]


def _probes(site: Site) -> list[BaseRoute]:
    async def healthz(request: Request) -> Response:
        """200 while the event loop and the catalog answer; anything else is a reason to restart the daemon."""
        await _in_time(site.view.last_seq, CATALOG_SECONDS, "the catalog does not answer")
        return PlainTextResponse("ok\n")

    async def readyz(request: Request) -> Response:
        """200 while nothing keeps the daemon from doing all its work; else the reasons. Lesser things are warnings."""
        status = await _in_time(site.view.status, CATALOG_SECONDS, "the catalog does not answer")
        blocking = [each.message for each in status.problems if each.blocks_ready]
        others = [each.message for each in status.problems if not each.blocks_ready]
        return answer({"ready": status.ready, "problems": blocking, "warnings": others}, 200 if status.ready else 503)

    async def metrics(request: Request) -> Response:
        async def look() -> None:
            live = await live_sessions(site.view)
            site.metrics.show(await site.view.status(), live, await newest_of_each_watch(site.view, live))

        await _in_time(look, SCRAPE_SECONDS, "the daemon's status could not be gathered")
        kind = "text/plain; version=0.0.4; charset=utf-8"
        return Response(site.metrics.exposition(), headers={"content-type": kind})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]


def _api(site: Site) -> list[BaseRoute]:
    api, files = HttpApi(site.view, site.settings, site.actions), Files(site.view)

    async def openapi(request: Request) -> Response:
        return answer(document())

    routes: list[BaseRoute] = [
        Route("/api/v1/openapi.json", openapi),
        Route("/api/v1/status", api.status),
        Route("/api/v1/sessions", api.sessions),
        Route("/api/v1/summary", api.summary),
        Route("/api/v1/tomograms", api.tomograms),
        Route("/api/v1/events", api.events),
        Route("/api/v1/results/{result_id}", api.result),
        Route("/api/v1/results/{result_id}/files/{name:path}", files.file),
        Route("/api/v1/results/{result_id}/preview/{name}", files.preview),
        Route("/api/v1/latest/{name}", files.latest),
        Route("/api/v1/average/{name}", files.average),
        Route("/api/v1/actions/{action}", api.act, methods=["POST"]),
    ]
    return routes


async def _in_time(ask: Callable[[], Awaitable[T]], seconds: float, otherwise: str) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await ask()
    except TimeoutError:
        raise HTTPException(503, f"{otherwise} within {seconds:g} s") from None
