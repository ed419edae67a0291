"""A microscope of which everything fails, or nothing comes any more, is red wherever a person looks."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.catalog.database import open_database
from livetomo.catalog.health import LAST_JOBS
from livetomo.config.configuration import Config
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.problems import Problem
from livetomo.core.state_problems import FAILURES_IN_A_ROW, of_health
from livetomo.core.status import WatchHealth, WatchState
from livetomo.core.tomogram import Arrival, Content, Fault, TomogramId
from livetomo.daemon.disks import Disks
from livetomo.daemon.status_collector import Overview
from livetomo.daemon.watches import Watches
from livetomo.publish.payloads.retained import StatusPayload, SummaryPayload
from livetomo.publish.prometheus.metrics import Metrics
from tests.publish.event_logs import manifest
from tests.web.site import SESSION, FakeDaemon
from tests.web.test_app import browsing

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TRUNCATED = Fault("permanent", "truncated volume", "It ends early.")
RECIPE = load_recipe("untrained")


class Clock:
    def __init__(self) -> None:
        self.time = NOON.timestamp()

    def __call__(self) -> float:
        self.time += 1
        return self.time


def one_after_the_other(outcomes: list[bool], watch: str = "krios1") -> Catalog:
    """A catalog in which so many tomograms were finished or failed, in this order."""
    clock = Clock()
    catalog = Catalog(open_database(None), site="facility", instance="main", now=clock)
    for number, good in enumerate(outcomes):
        who = TomogramId(watch, "s", f"TS_{number}")
        content = Content(1, int(clock.time * 1e9), str(number))
        catalog.arrivals.take(
            Arrival(who, f"{number}.mrc", content, "generic", fault=None if good else TRUNCATED), "untrained", RECIPE
        )
        if good:
            claim = catalog.jobs.claim("cpu", 60, [watch])
            assert claim is not None
            body = manifest(who.name, session="s", result_id=f"id{number}")
            assert catalog.jobs.commit(claim.token, body, f"/out/{number}") is not None
    return catalog


@given(st.lists(st.booleans(), max_size=30))
def test_failures_are_counted_as_a_person_would(outcomes: list[bool]) -> None:
    health = one_after_the_other(outcomes).health.of_watches().get("krios1", WatchHealth())
    in_a_row = 0
    for good in outcomes:
        in_a_row = 0 if good else in_a_row + 1
    assert health.consecutive_failures == in_a_row
    assert (health.ended, health.failed) == (len(outcomes[-LAST_JOBS:]), outcomes[-LAST_JOBS:].count(False))
    assert health.reason == ("truncated volume" if health.failed else "")
    problems = list(of_health("krios1", health, NOON))
    assert any(each.severity == "critical" for each in problems) == (in_a_row >= FAILURES_IN_A_ROW)


def test_another_microscope_s_failures_are_its_own_and_yesterday_s_are_over() -> None:
    catalog = one_after_the_other([False] * 8, watch="krios2")
    assert catalog.health.of_watches().keys() == {"krios2"}
    catalog.health._now = lambda: NOON.timestamp() + 2 * 86400
    assert catalog.health.of_watches()["krios2"].consecutive_failures == 0


async def test_everything_fails_and_everything_is_red(tmp_path: Path) -> None:
    """It used to be: /readyz true, a green header, and the session's verdict missing."""
    daemon = FakeDaemon(tmp_path)
    for number in range(30):
        await daemon.arrive(f"TS_{number}", fault=TRUNCATED)
    async with browsing(daemon) as client:
        ready = await client.get("/readyz")
        assert ready.status_code == 503
        assert "The last 30 tomograms of krios1 all failed (truncated volume)." in ready.json()["problems"][0]
        (session,) = (await client.get("/api/v1/sessions")).json()["sessions"]
        assert session["verdict"] == "bad"
    status = await daemon.status()
    (problem,) = status.problems
    assert (problem.name, problem.severity) == ("failures-krios1", "critical")
    reported = json.loads(StatusPayload.of(status).payload())
    assert reported["watches"][0]["health"]["consecutive_failures"] == 30
    assert (reported["watches"][0]["health"]["failed"], reported["watches"][0]["health"]["ended"]) == (20, 20)
    summary = json.loads(SummaryPayload.of(await daemon.totals("krios1", SESSION)).payload())
    assert (summary["verdict"], summary["reasons"]) == ("bad", ["10 of the last 10 tomograms failed"])
    metrics = Metrics(CollectorRegistry())
    metrics.show(status)
    sample = metrics.registry.get_sample_value
    assert sample("livetomo_ready") == 0
    assert sample("livetomo_watch_consecutive_failures", {"watch": "krios1"}) == 30
    assert sample("livetomo_watch_recent_failures", {"watch": "krios1"}) == 20


async def test_the_daemon_s_own_overview_has_it_from_the_catalog(tmp_path: Path) -> None:
    """With the parts that it has in life, the intake's process and the workers apart."""

    class Watched:
        names: ClassVar = ["krios1"]

        def states(self) -> tuple[WatchState, ...]:
            return (WatchState("krios1", scanning=True),)

    watch = {"name": "krios1", "path": str(tmp_path)}
    folders = {"state": str(tmp_path / "state"), "output": str(tmp_path / "out")}
    config = Config.model_validate({"site": "facility", **folders, "watch": [watch]})
    catalog = CatalogThread(tmp_path / "catalog.sqlite", site="facility", instance="main")
    await catalog.open()

    def fail(inside: Catalog) -> None:
        for number in range(FAILURES_IN_A_ROW):
            who, content = TomogramId("krios1", "s", f"TS_{number}"), Content(1, 1, str(number))
            inside.arrivals.take(
                Arrival(who, f"{number}.mrc", content, "generic", fault=TRUNCATED), "untrained", RECIPE
            )

    overview = Overview(
        config,
        catalog=catalog,
        watches=cast(Watches, Watched()),
        lanes=[],
        disks=Disks(config),
        publisher=None,
        address=lambda: "http://localhost",
    )
    before = await overview.status()
    await catalog(fail)
    after, later = await overview.status(), await overview.status()
    await catalog.close()
    assert before.ready
    assert not after.ready
    problems = {problem.name: problem for problem in after.problems}
    assert problems.keys() == {"failures-krios1", "quality-krios1"}
    assert after.watches[0].health.consecutive_failures == FAILURES_IN_A_ROW
    assert later.problems == after.problems, "since the same moment"


async def test_one_failure_of_many_is_no_problem_and_makes_no_session_bad(tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path)
    for number in range(12):
        await daemon.arrive(f"TS_{number}")
        await daemon.finish()
    await daemon.arrive("TS_12", fault=TRUNCATED)
    assert (await daemon.status()).problems == ()
    assert (await daemon.totals("krios1", SESSION)).verdict != "bad"


@pytest.mark.parametrize(
    ("interval", "quiet", "is_said"),
    [
        (timedelta(minutes=12), timedelta(minutes=20), False),
        (timedelta(minutes=12), timedelta(hours=2), True),
        (timedelta(minutes=12), timedelta(hours=7), False),  # the session is over
        (timedelta(seconds=10), timedelta(minutes=10), False),  # the first coffee
        (timedelta(seconds=10), timedelta(minutes=16), True),
        (timedelta(hours=2), timedelta(hours=5), False),
    ],
    ids=str,
)
def test_a_live_session_that_falls_silent_is_said(interval: timedelta, quiet: timedelta, is_said: bool) -> None:
    health = WatchHealth(last_file=NOON - quiet, usual_interval_seconds=interval.total_seconds())
    said: list[Problem] = list(of_health("krios1", health, NOON))
    assert [problem.kind for problem in said] == ["silence"] * is_said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.0, "about every second, or faster"), (0.4, "about every second, or faster"), (2.0, "every 2 s")],
)
def test_how_often_a_file_comes_is_never_every_zero_seconds(seconds: float, said: str) -> None:
    health = WatchHealth(last_file=NOON - timedelta(minutes=20), usual_interval_seconds=seconds)
    (problem,) = of_health("krios1", health, NOON)
    assert f"usually one comes {said}. Is the session over" in problem.message


def test_the_usual_interval_is_the_files_own_and_a_time_to_come_is_none() -> None:
    """A backlog that is taken in within a second was not written within one."""
    catalog = Catalog(open_database(None), site="facility", instance="main", now=lambda: NOON.timestamp())
    for number in range(8):
        written = int((NOON - timedelta(minutes=12 * number)).timestamp() * 1e9)
        content = Content(1, written if number else written + 10**18, str(number))
        arrival = Arrival(TomogramId("krios1", "s", f"TS_{number}"), f"{number}.mrc", content, "generic")
        catalog.arrivals.take(arrival, "untrained", RECIPE)
    health = catalog.health.of_watches()["krios1"]
    assert health.usual_interval_seconds == 720
    assert health.last_file == NOON - timedelta(minutes=12)
    assert replace(health, last_file=None, usual_interval_seconds=None) == WatchHealth()
