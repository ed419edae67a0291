"""What the web answers: to readers, to consumers, to probes, and to those who ask for what they may not have."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from livetomo.core.errors import ConfigurationError
from livetomo.core.status import BrokerState
from livetomo.core.tomogram import Fault, TomogramId
from livetomo.web.api import MOST_BODY_BYTES
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules
from livetomo.web.openapi import document
from tests.web.site import SESSION, FakeDaemon, site
from tools.docs.schemas import schemas

WHERE = {"watch": "krios1", "session": SESSION}


@pytest.fixture
def daemon(tmp_path: Path) -> FakeDaemon:
    return FakeDaemon(tmp_path)


@asynccontextmanager
async def browsing(
    daemon: FakeDaemon, rules: AccessRules | None = None, host: str = "127.0.0.1:8787", **more: Any
) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(site(daemon, **more), rules or AccessRules())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=f"http://{host}") as client:
        yield client


async def test_the_page_needs_nothing_from_elsewhere(daemon: FakeDaemon) -> None:
    async with browsing(daemon) as client:
        for path in ("/", "/static/page.css", "/static/page.js"):
            page = await client.get(path)
            assert page.status_code == 200
            assert "http://" not in page.text.replace("http://www.w3.org/2000/svg", "")
            assert "https://" not in page.text
            assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_tomograms_and_sessions_are_listed_with_what_became_of_them(daemon: FakeDaemon) -> None:
    await daemon.arrive("TS_01")
    await daemon.finish(picks=5)
    await daemon.arrive("TS_02", fault=Fault("permanent", "truncated volume", "TS_02.mrc ends early."))
    async with browsing(daemon) as client:
        (session,) = (await client.get("/api/v1/sessions")).json()["sessions"]
        assert (session["session"], session["tomograms"], session["states"]) == (SESSION, 2, {"done": 1, "failed": 1})
        assert session["live"] is True
        second, first = (await client.get("/api/v1/tomograms", params=WHERE)).json()["tomograms"]
        assert (first["name"], first["state"], first["verdict"], first["picks"]) == (
            "TS_01",
            "done",
            "warn",
            {"ribosome": 5},
        )
        assert second["fault"]["message"] == "TS_02.mrc ends early."
        only = await client.get("/api/v1/tomograms", params=WHERE | {"name": "TS_01"})
        assert only.json()["tomograms"] == [first]
        summary = (await client.get("/api/v1/summary", params=WHERE)).json()
        assert summary["picks"] == {"ribosome": 5}


async def test_a_consumer_that_was_away_gets_the_same_payloads_as_from_the_broker(daemon: FakeDaemon) -> None:
    await daemon.arrive("TS_01")
    await daemon.finish(picks=3)
    async with browsing(daemon) as client:
        answer = (await client.get("/api/v1/events", params={"after": 1})).json()
        assert [event["seq"] for event in answer["events"]] == [2, 3, 4, 5]
        assert (answer["next"], answer["last"]) == (5, 5)
        for event in answer["events"]:
            assert event.pop("topic").startswith("livetomo/facility/main/krios1/")
            jsonschema.validate(event, json.loads(schemas()[f"{event['schema'].split('/')[1]}.json"]))
        page = (await client.get("/api/v1/events", params={"after": 1, "limit": 2})).json()
        assert (page["next"], page["last"]) == (3, 5)
        rest = (await client.get("/api/v1/events", params={"after": 5})).json()
        assert (rest["events"], rest["next"]) == ([], 5)


async def test_a_result_is_reported_with_links_that_work(daemon: FakeDaemon) -> None:
    await daemon.arrive("TS_01")
    result = await daemon.finish()
    async with browsing(daemon) as client:
        manifest = (await client.get(f"/api/v1/results/{result}")).json()
        assert manifest["quality"]["thickness"]["verdict"] == "warn"
        for name, facts in manifest["files"].items():
            file = await client.get(facts["url"])
            assert file.status_code == 200, name
            assert "immutable" in file.headers["cache-control"]
        tile = await client.get(f"/api/v1/results/{result}/preview/tile.png")
        assert tile.headers["content-type"] == "image/png"
        whole = await client.get(f"/api/v1/results/{result}/files/result.json")
        assert whole.json()["result_id"] == result


async def test_a_result_says_where_its_picks_do_not_count_by_now(daemon: FakeDaemon) -> None:
    await daemon.arrive("TS_01")
    result = await daemon.finish()
    who, exclusions = TomogramId("krios1", SESSION, "TS_01"), daemon.catalog.exclusions
    async with browsing(daemon) as client:

        async def excluded() -> object:
            return (await client.get(f"/api/v1/results/{result}")).json()["excluded"]

        assert await excluded() == {}
        exclusions.exclude(who, who="ada", why="ice", feature="ribosome", box={"z": (0.0, 20.0)})
        exclusions.exclude(who, who="ada", why="ice", feature="membrane")
        exclusions.exclude(TomogramId("krios1", SESSION, "TS_02"), who="ada", why="ice")
        assert await excluded() == {"ribosome": [{"z": [0.0, 20.0]}]}
        exclusions.exclude(who, who="ada", why="ice")
        assert await excluded() == {"ribosome": [{}]}
        exclusions.readmit(who, who="ada")
        assert await excluded() == {}


async def test_a_dashboard_gets_the_latest_pictures_without_knowing_their_ids(daemon: FakeDaemon) -> None:
    for name in ("TS_01", "TS_02"):
        await daemon.arrive(name)
    ids = [await daemon.finish(), await daemon.finish()]
    async with browsing(daemon) as client:
        for query, result in (("", ids[1]), ("?n=1&watch=krios1,krios2", ids[0]), ("?watch=.*", ids[1])):
            answer = await client.get(f"/api/v1/latest/tile.png{query}")
            assert (answer.status_code, answer.headers["cache-control"]) == (307, "no-store")
            picture = await client.get(answer.headers["location"].replace("..", "/api/v1"))
            assert picture.headers["content-type"] == "image/png"
            assert result in answer.headers["location"]
        assert (await client.get("/api/v1/latest/tile.png?n=2")).status_code == 404
        assert (await client.get("/api/v1/latest/tile.png?watch=krios9")).status_code == 404


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd", "..%2f..%2fsecret", "/etc/passwd", "preview/%2e%2e/secret", "secret", "preview", ""],
)
async def test_only_listed_files_are_served(daemon: FakeDaemon, name: str) -> None:
    await daemon.arrive("TS_01")
    result = await daemon.finish()
    (daemon.folder / "secret").write_text("secret")
    async with browsing(daemon) as client:
        answer = await client.get(f"/api/v1/results/{result}/files/{name}")
        assert answer.status_code == 404
        assert "secret" not in answer.text


async def test_a_listed_file_that_leads_out_of_its_folder_is_not_served(daemon: FakeDaemon, tmp_path: Path) -> None:
    await daemon.arrive("TS_01")
    result = await daemon.finish()
    secret = tmp_path / "secret"
    secret.write_text("secret")
    tile = daemon.folder / SESSION / "TS_01" / "r1" / "preview" / "tile.png"
    tile.unlink()
    tile.symlink_to(secret)
    async with browsing(daemon) as client:
        assert (await client.get(f"/api/v1/results/{result}/preview/tile.png")).status_code == 410
        tile.unlink()
        gone = await client.get(f"/api/v1/results/{result}/preview/tile.png")
        assert (gone.status_code, gone.json()) == (
            410,
            {"error": "the file cannot be read any more (No such file or directory)"},
        )


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/api/v1/tomograms", 400, "watch is missing"),
        ("/api/v1/events?after=-1", 400, "whole number"),
        ("/api/v1/events?after=1e3", 400, "whole number"),
        ("/api/v1/events?after=99999999999999999999", 400, "whole number"),
        ("/api/v1/results/nothing", 404, "no result nothing"),
        ("/api/v1/tomograms?watch=krios1&session=s&name=x", 404, "no tomogram krios1/s/x"),
    ],
)
async def test_refusals_are_one_sentence(daemon: FakeDaemon, path: str, status: int, word: str) -> None:
    async with browsing(daemon) as client:
        answer = await client.get(path)
        assert answer.status_code == status
        assert word in answer.json()["error"]


async def test_a_hung_catalog_is_not_healthy(daemon: FakeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("livetomo.web.app.CATALOG_SECONDS", 0.05)
    monkeypatch.setattr("livetomo.web.app.SCRAPE_SECONDS", 0.05)
    async with browsing(daemon) as client:
        assert (await client.get("/healthz")).status_code == 200
        daemon.hangs = True
        for probe in ("/healthz", "/readyz", "/metrics"):
            answer = await client.get(probe)
            assert answer.status_code == 503
            assert "within 0.05 s" in answer.json()["error"]


async def test_readiness_names_its_reasons(daemon: FakeDaemon) -> None:
    async with browsing(daemon) as client:
        assert (await client.get("/readyz")).json() == {"ready": True, "problems": [], "warnings": []}
        daemon.state = replace(daemon.state, broker=BrokerState(configured=True, error="broker:1883 cannot be reached"))
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["problems"] == ["The broker is away: broker:1883 cannot be reached"]
        assert (await client.get("/healthz")).status_code == 200


async def test_metrics_show_the_state_of_this_moment(daemon: FakeDaemon) -> None:
    await daemon.arrive("TS_01")
    async with browsing(daemon) as client:
        first = await client.get("/metrics")
        assert 'livetomo_jobs{state="waiting"} 1.0' in first.text
        assert f'livetomo_session_info{{session="{SESSION}",watch="krios1"}} 1.0' in first.text
        await daemon.finish()
        assert 'livetomo_jobs{state="waiting"} 0.0' in (await client.get("/metrics")).text


# Who may do what.

REMOTE = AccessRules(open_reading=False, token=lambda: "key")


async def test_reading_from_elsewhere_needs_the_token_and_probing_does_not(daemon: FakeDaemon) -> None:
    async with browsing(daemon, REMOTE, host="livetomo.example") as client:
        for path in ("/", "/metrics", "/api/v1/events", "/events", "/readyz", "/api/v1/openapi.json"):
            assert (await client.get(path)).status_code == 401, path
            wrong = await client.get(path, headers={"authorization": "Bearer kex"})
            assert wrong.status_code == 401
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/metrics", headers={"authorization": "Bearer key"})).status_code == 200


async def test_a_browser_is_asked_for_the_token_once(daemon: FakeDaemon) -> None:
    async with browsing(daemon, REMOTE, host="livetomo.example", actions={"pause": nothing}) as client:
        asked = await client.get("/", headers={"accept": "text/html"})
        assert asked.status_code == 401
        assert '<input type="password"' in asked.text
        assert (await client.post("/login", data={"token": "kex"})).status_code == 401
        assert (await client.post("/login", data={"token": "key"})).status_code == 303
        assert (await client.get("/")).status_code == 200
        assert "key" not in client.cookies["livetomo"]
        assert (await client.post("/api/v1/actions/pause")).status_code == 403, "a cookie is for reading"


async def test_a_web_site_cannot_read_through_its_visitors_browsers(daemon: FakeDaemon) -> None:
    async with browsing(daemon, host="evil.example") as client:
        assert (await client.get("/api/v1/status")).status_code == 421
    for host in ("localhost:8787", "127.0.0.1:1", "[::1]:8787"):
        async with browsing(daemon, host=host) as client:
            assert (await client.get("/api/v1/status")).status_code == 200
    async with browsing(daemon, AccessRules(host="livetomo.example"), host="livetomo.example") as client:
        assert (await client.get("/api/v1/status")).status_code == 200


async def nothing(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"did": dict(body)}


async def refuse(body: Mapping[str, Any]) -> None:
    raise ConfigurationError('there is no recipe "x"')


async def test_changes_need_the_token_or_the_unix_socket(daemon: FakeDaemon) -> None:
    actions = {"pause": nothing, "reprocess": refuse}
    async with browsing(daemon, actions=actions) as client:
        answer = await client.post("/api/v1/actions/pause")
        assert answer.status_code == 403
        assert '"token_file" is not configured' in answer.json()["error"]
    async with browsing(daemon, AccessRules(token=lambda: "key"), actions=actions) as client:
        assert (await client.post("/api/v1/actions/pause")).status_code == 403
        done = await client.post("/api/v1/actions/pause", json={"a": 1}, headers={"authorization": "Bearer key"})
        assert done.json() == {"did": {"a": 1}}
    async with browsing(daemon, AccessRules(full_control=True), host="livetomo", actions=actions) as client:
        assert (await client.post("/api/v1/actions/pause")).json() == {"did": {}}
        refused = await client.post("/api/v1/actions/reprocess")
        assert (refused.status_code, refused.json()) == (409, {"error": 'there is no recipe "x"'})
        unknown = await client.post("/api/v1/actions/explode")
        assert (unknown.status_code, unknown.json()["error"]) == (
            404,
            "there is no such action; there are pause, reprocess",
        )
        for body in (b"{", b"[]", b"\xff", b'{"session": "\\ud800"}'):
            assert (await client.post("/api/v1/actions/pause", content=body)).status_code == 400


@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_without_end_is_refused_and_not_read(daemon: FakeDaemon, is_chunked: bool) -> None:
    sent = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 1000:
            sent += 1
            yield b" " * 8192

    async with browsing(daemon, AccessRules(full_control=True), host="livetomo", actions={"pause": nothing}) as client:
        body = parts() if is_chunked else b" " * (MOST_BODY_BYTES + 1)
        refused = await client.post("/api/v1/actions/pause", content=body)
        assert (refused.status_code, refused.json()) == (413, {"error": "the body has more than 65,536 bytes"})
        fits = b'{"a": "' + b"x" * (MOST_BODY_BYTES - 9) + b'"}'
        assert (await client.post("/api/v1/actions/pause", content=fits)).status_code == 200
    assert sent <= (MOST_BODY_BYTES // 8192 + 2) * is_chunked


# What is documented.


async def test_a_session_is_over_when_no_tomogram_has_come_for_hours(daemon: FakeDaemon) -> None:
    await daemon.arrive("TS_01", session="monday")
    daemon.catalog.db.execute("UPDATE revisions SET settled_at = settled_at - 7 * 3600")
    await daemon.arrive("TS_01", session="tuesday")
    async with browsing(daemon) as client:
        sessions = (await client.get("/api/v1/sessions")).json()["sessions"]
    assert [(each["session"], each["live"]) for each in sessions] == [("tuesday", True), ("monday", False)]


async def test_every_route_is_in_the_openapi_document(daemon: FakeDaemon) -> None:
    app: Starlette = create_app(site(daemon), AccessRules())
    paths = {route.path.replace(":path", "") for route in app.routes if isinstance(route, Route)}
    assert set(document()["paths"]) == paths - {"/", "/login"}
    async with browsing(daemon) as client:
        assert (await client.get("/api/v1/openapi.json")).json() == document()


def test_every_reference_in_the_document_leads_somewhere() -> None:
    text = json.dumps(document())
    for part in text.split('"$ref": "')[1:]:
        name = part.split('"')[0]
        assert name.removeprefix("#/components/schemas/") in document()["components"]["schemas"]


# Live events.


async def test_what_happens_is_reported_as_it_happens(daemon: FakeDaemon) -> None:
    app = create_app(site(daemon), AccessRules())
    sent: asyncio.Queue[bytes] = asyncio.Queue()
    asked = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not asked.is_set():
            asked.set()
            return {"type": "http.request"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        if body := message.get("body"):
            await sent.put(body)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/events",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    async with asyncio.timeout(10):
        listening = asyncio.create_task(app(scope, receive, send))  # type: ignore[arg-type]
        assert (await sent.get()).startswith(b"retry")
        assert b"event: status" in await sent.get()
        await daemon.arrive("TS_01")
        message = await sent.get()
        assert b"event: tomogram" in message
        assert json.loads(message.split(b"data: ")[1])["tomogram"] == "TS_01"
        assert message.startswith(b"id: 1\n")
        app.state.live.closing.set()
        await listening
