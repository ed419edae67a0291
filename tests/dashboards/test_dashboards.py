"""Dashboards are made from code, ask for what there is, and show it when there is a real Prometheus."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import yaml

from livetomo.core.events import Event
from livetomo.core.quality.definitions import DEFINITIONS, judged
from livetomo.core.quality.metric import Quality, worst
from livetomo.core.status import BrokerState, WorkerState
from livetomo.core.tomogram import TomogramId
from livetomo.publish.prometheus.families import FAMILIES
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.publish.prometheus.quality_buckets import metric_name
from livetomo.web.app import create_app
from livetomo.web.auth import AccessRules
from livetomo.web.server import Server, bind_tcp
from tests.publish.event_logs import RECIPE_HASH, manifest, named
from tests.servers import Prometheus, need
from tests.web.site import SESSION, FakeDaemon, site

pytest.importorskip("grafana_foundation_sdk")
from dashboards.build import LEFT_OUT, texts

ROOT = Path(__file__).parents[2]
BOARDS = sorted((ROOT / "dashboards").glob("*.json"))
OWN = {family.name for family in FAMILIES}
FIGURES = {metric_name(measure.name, measure.unit) for measure in DEFINITIONS.values()}
KNOWN = (
    OWN
    | {f"livetomo_{kind}_{figure}" for figure in FIGURES for kind in ("latest", "quality")}
    | {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "up"}
)


def rules() -> list[dict[str, Any]]:
    files = sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))
    return [rule for path in files for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def queries() -> Iterator[tuple[str, str]]:
    """(panel, expression) of everything that a dashboard asks."""
    for path in BOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.stem}: {panel['title']}", target["expr"]


def names(expr: str) -> set[str]:
    plain = re.sub(r"\{[^}]*\}|\"[^\"]*\"", "", expr)
    found = re.findall(r"(?<![\w:])(?:\w+:)?(?:livetomo|process)_\w+(?::\w+)?", plain)
    return set(found) | ({"up"} if re.search(r"\bup\b", plain) else set())


def base(name: str) -> str:
    return re.sub(r"_(bucket|sum|count)$", "", name)


def test_the_committed_files_are_those_of_the_code() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in BOARDS} == dict(texts()), (
        "run: python -m dashboards"
    )


def test_every_metric_that_is_asked_for_exists() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    for panel, expr in queries():
        for name in names(expr):
            assert name in recorded or name in KNOWN or base(name) in KNOWN, f"{panel}: {name}"


def test_every_metric_is_on_a_dashboard_or_left_out_for_a_reason() -> None:
    shown = {base(name) for _, expr in queries() for name in names(expr)}
    recorded = {base(name) for rule in rules() if "record" in rule for name in names(rule["expr"])}
    assert OWN - shown == LEFT_OUT.keys() & OWN - shown
    assert LEFT_OUT.keys() <= recorded


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)
def test_a_dashboard_can_be_imported_anywhere(path: Path) -> None:
    board = json.loads(path.read_text())
    assert board["uid"] == path.stem
    assert (
        board["templating"]["list"][0] | {"type": "datasource", "query": "prometheus"} == board["templating"]["list"][0]
    )
    ids = {panel.get("datasource", {}).get("uid", "${source}") for panel in board["panels"]}
    assert ids == {"${source}"}
    for panel in board["panels"]:
        assert panel["title"]
        assert panel["type"] in ("text", "table") or panel["fieldConfig"]["defaults"]["unit"]
    places = [panel["gridPos"] for panel in board["panels"]]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    assert len({(place["x"], place["y"]) for place in places}) == len(places)


def test_variables_are_only_label_matchers() -> None:
    for panel, expr in queries():
        for variable in re.findall(r"\$(\w+)", expr):
            assert variable in ("watch", "instance", "__range", "__rate_interval"), panel
            if not variable.startswith("__"):
                assert f'{variable}=~"${variable}"' in expr, panel


# With a real Prometheus.


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Return as soon as `holds`: Prometheus notifies nobody, it has to be asked."""
    async with asyncio.timeout(60):
        while not await holds():  # noqa: ASYNC110
            await asyncio.sleep(0.3)


class Watched:
    """A daemon's web server with troubles that a test injects, and a Prometheus that scrapes it every second."""

    def __init__(self, daemon: FakeDaemon, prometheus: Prometheus, server: Server, metrics: Metrics) -> None:
        self.daemon = daemon
        self.metrics = metrics
        self.server = server
        self._client = httpx.AsyncClient(base_url=prometheus.url)
        self.number = 0

    async def ask(self, expr: str) -> list[dict[str, Any]]:
        for variable, value in {"__range": "5m", "__rate_interval": "1m", "watch": ".*", "instance": ".*"}.items():
            expr = expr.replace(f"${variable}", value)
        answer = (await self._client.get("/api/v1/query", params={"query": expr})).json()
        assert answer["status"] == "success", (expr, answer)
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    async def until(self, expr: str) -> None:
        """Return at the first scrape or evaluation after which the expression has a value."""

        async def is_answered() -> bool:
            return bool(await self.ask(expr))

        await eventually(is_answered)

    async def alerts(self, state: str = "firing") -> set[str]:
        payload = (await self._client.get("/api/v1/alerts")).json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in payload if alert["state"] == state}

    async def works(self, number: int) -> None:
        """Some tomograms go through, one is a bad file, one fails."""
        for _ in range(number):
            self.metrics.arrived("krios1")
            self.metrics.began("krios1", 2.0)
            for stage in ("read", "segment", None):
                self.metrics.worker_at("cpu", stage)
            names = ("saturated_share", "finite_share", "contamination_share", "halves_agreement", "band_snr")
            quality = manifest().quality | named(*(Quality(name, 0.01, "", "good") for name in names))
            self.metrics.finished(manifest(quality=quality))
            who = TomogramId("krios1", "s", "TS")
            done = Event("state", who, 1, RECIPE_HASH, "done.1", {"state": "done", "seconds": 8.0})
            (recorded,) = (await self.daemon.events_after(0, 1))[:1]
            self.metrics.acknowledged(replace(recorded, event=done, time=datetime.now(UTC).isoformat()))
        self.metrics.arrived("krios1", rejected=True)

    async def finishes(self, picks: int = 231, **values: float) -> None:
        """One more tomogram of a session, of which some figures are these, is judged and recorded."""
        self.number += 1
        usual = {"thickness": 1500.0, "tilt_axis": -95.0, "halves_agreement": 0.5, "band_snr": 2.0}
        quality = [judged(Quality(name, value, DEFINITIONS[name].unit)) for name, value in (usual | values).items()]
        if "halves_agreement" in values:
            quality[2] = replace(quality[2], verdict="bad", reason="the even half is dead")
        await self.daemon.arrive(f"TS_{self.number:03}", session="watched")
        result = await self.daemon.finish(
            picks=picks,
            quality=named(*quality),
            verdict=worst(figure.verdict for figure in quality),
        )
        recorded = self.daemon.catalog.views.result(result)
        assert recorded is not None
        self.metrics.finished(recorded.manifest)


@pytest_asyncio.fixture
async def watched(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Watched]:
    """With a parameter, so many seconds stand for each hour that rules look back on."""
    daemon = FakeDaemon(tmp_path / "out")
    await daemon.arrive("TS_01")
    shown = site(daemon)
    server = Server(create_app(shown, AccessRules()), bind_tcp("127.0.0.1", 0))
    serving = asyncio.create_task(server.run())
    files = tmp_path / "prometheus"
    shutil.copytree(ROOT / "deploy" / "prometheus", files)
    hurry(files, getattr(request, "param", None))
    (files / "secrets").mkdir()
    (files / "secrets" / "livetomo-token").touch()
    target = [{"targets": [f"127.0.0.1:{server.port}"]}]
    (files / "targets" / "livetomo" / "livetomo.yml").write_text(yaml.safe_dump(target))
    (files / "targets" / "alertmanager" / "alertmanager.yml").unlink()
    prometheus = Prometheus(need("prometheus", "prometheus"), files / "prometheus.yml", tmp_path / "data")
    await prometheus.start()
    yield Watched(daemon, prometheus, server, shown.metrics)
    await prometheus.stop()
    serving.cancel()
    await asyncio.wait([serving])


def hurry(folder: Path, hour_seconds: int | None) -> None:
    """The project's own files with every interval shortened, so that a test need not wait as long as a person would."""
    for path in folder.rglob("*.yml"):
        text = re.sub(r"(interval: )\d+s", r"\g<1>1s", path.read_text())
        text = re.sub(r"(for: )\d+[mh]", r"\g<1>1s", text)
        if hour_seconds is not None:
            text = re.sub(r"(\[|offset )(\d+)h", lambda hours: f"{hours[1]}{hour_seconds * int(hours[2])}s", text)
        path.write_text(text)


@pytest.mark.slow
async def test_every_query_of_every_panel_and_rule_has_an_answer(watched: Watched) -> None:
    await watched.until("livetomo_ready")
    await watched.works(3)
    await watched.until('livetomo_finished_total{outcome="done"} >= 3')
    await watched.works(3)
    await watched.until('increase(livetomo_finished_total{outcome="done"}[1h]) > 0')
    await watched.until("watch:livetomo_latency_seconds:p95_1h > 0")
    await watched.until("stage:livetomo_stage_duration_seconds:mean1h >= 0")
    silent = [f"{panel}: {expr}" for panel, expr in queries() if not await watched.ask(expr)]
    silent += [rule["record"] for rule in rules() if "record" in rule and not await watched.ask(rule["record"])]
    assert silent == []
    labels = {name for found in await watched.ask('{__name__=~"livetomo_.+"}') for name in found["metric"]}
    assert labels <= {
        "__name__",
        "job",
        "instance",
        "watch",
        "stage",
        "state",
        "outcome",
        "feature",
        "verdict",
        "figure",
    } | {*("device", "kind", "reason", "subject", "severity", "disk", "le", "version", "site", "name", "session")}


@pytest.mark.slow
async def test_alerts_fire_with_the_trouble_and_clear_after_it(watched: Watched) -> None:
    await watched.until("livetomo_ready")
    well = watched.daemon.state
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    (watch,) = well.watches
    watched.daemon.state = replace(
        well,
        watches=(replace(watch, scanning=False, message="it hangs"),),
        broker=BrokerState(configured=True, error="away", waiting=7, oldest=long_ago),
        oldest_waiting=long_ago,
        workers=(WorkerState("cpu", "benched", message="it failed"),),
        disks=(replace(well.disks[0], enough=False),),
    )
    expected = {"NotScanning", "NotPublishing", "Behind", "WorkerBenched", "DiskFull"}

    async def fire() -> bool:
        return {f"Livetomo{name}" for name in expected} <= await watched.alerts()

    async def are_silent() -> bool:
        return not await watched.alerts() - {"LivetomoStalled"}

    await eventually(fire)
    assert await watched.alerts() - {"LivetomoStalled"} == {f"Livetomo{name}" for name in expected}
    watched.daemon.state = well
    await eventually(are_silent)


@pytest.mark.slow
@pytest.mark.parametrize("watched", [4], indirect=True)
async def test_a_session_that_goes_wrong_is_reported_by_the_right_alerts_until_it_goes_well(watched: Watched) -> None:
    """Black half maps, thick ice, alignments that break and fewer particles, all within four seconds for an hour."""
    await watched.daemon.finish()
    await watched.until("livetomo_ready")
    seen: set[str] = set()

    async def go_on(until: Callable[[], Awaitable[bool]], picks: int = 231, **values: float) -> None:
        for _ in range(100):
            if await until():
                return
            await watched.finishes(picks, **values)
            seen.update(await watched.alerts())
            await asyncio.sleep(0.4)
        raise AssertionError(f"of {sorted(expected)} there were {sorted(seen)}")

    async def is_well_known() -> bool:
        known = await watched.ask("watch:livetomo_quality_thickness_meters:mean1h offset 4s > 0")
        return watched.number > 10 and bool(known)

    async def is_published() -> bool:
        return expected <= seen and bool(await watched.ask('livetomo_session_verdict{verdict="bad"} == 1'))

    async def is_over() -> bool:
        return not await watched.alerts() and bool(await watched.ask('livetomo_session_verdict{verdict="good"} == 1'))

    expected = {
        f"Livetomo{name}"
        for name in ("TomogramsBad", "ThickIce", "IceThickens", "AlignmentBroke", "HalvesDisagree", "PicksFall")
    }
    await go_on(is_well_known)
    assert seen == set()
    await go_on(is_published, picks=3, thickness=4600.0, tilt_axis=-80.0, halves_agreement=0.0)
    assert seen == expected
    await go_on(is_over)


async def test_a_scrape_with_fifty_sessions_takes_less_than_fifty_milliseconds(tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path)
    for session in range(50):
        for number in range(10):
            await daemon.arrive(f"TS_{number:02}", session=f"{SESSION}{session}")
    app = create_app(site(daemon), AccessRules())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        await client.get("/metrics")
        took = []
        for _ in range(5):
            begun = asyncio.get_running_loop().time()
            answer = await client.get("/metrics")
            took.append(asyncio.get_running_loop().time() - begun)
        assert answer.text.count("livetomo_session_info{") == 50
    assert min(took) < 0.05
