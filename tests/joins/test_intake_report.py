"""Whatever a watcher reports of itself reaches a metric or a problem, and so somebody's eyes."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from livetomo.config.configuration import Watch
from livetomo.core.state_problems import of_states
from livetomo.core.tomogram import KnownFile
from livetomo.daemon.watches import of_names
from livetomo.intake.messages import Pending, Report
from livetomo.intake.supervisor import Intake
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.web.responses import whole
from tests.intake.fakes import Clock, Facility, FakeTree, mrc
from tests.web.site import status

SEEN = Report(scans=1, seconds=0.5, files=8, candidates=4, not_utf8=1, first_not_utf8="a", settling=1)
OTHER = {
    "trouble": "the mount is gone",
    "scans": 2,
    "seconds": 1.5,
    "files": 9,
    "candidates": 5,
    "not_utf8": 2,
    "first_not_utf8": "b",
    "settling": 3,
    "pending": (Pending("monday/TS_09.mrc", 100, 3.0, "it grows"),),
    "overflows": 7,
    "mode": "poll: the mount is NFS",
}
ELSEWHERE = {
    "mode": "a setting that does not change: it stands in the API's status",
    "pending": "names of files, which no label may hold: `settling` counts them",
}


class Process:
    """A watcher's process that says these reports and then nothing."""

    def __init__(self, reports: Sequence[Report], heard: asyncio.Event) -> None:
        self._reports = reports
        self._heard = heard

    async def send(self, message: Mapping[str, Any]) -> None:
        json.dumps(message)

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        for report in self._reports:
            yield json.loads(json.dumps({"say": "report", "report": report.to_json()}))
        self._heard.set()
        await asyncio.Event().wait()

    def kill(self) -> None:
        self._heard.set()

    async def end(self) -> bool:
        self.kill()
        return True

    async def wait(self) -> int:
        return 0


async def heard(*reports: Report) -> Intake:
    """The intake of the watch krios1 after these reports, at the time that their number is."""
    done = asyncio.Event()

    async def known() -> Sequence[KnownFile]:
        return []

    async def start() -> Process:
        return Process(reports, done)

    async def never(*_: Any) -> None:
        raise AssertionError

    intake = Intake(
        Watch(name="krios1", path="/data", since="all"),
        known=known,
        arrived=never,
        baseline=never,
        first_start=False,
        start=start,
        now=lambda: 1e9 + reports[-1].scans,
    )
    task = asyncio.create_task(intake.run())
    await done.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return intake


def shown(intake: Intake) -> tuple[str, list[str]]:
    """The metrics, and what the page and messages say is wrong."""
    state = replace(status(), watches=(intake.status(),))
    problems = (*of_states(state), *of_names("krios1", intake.report))
    registry = CollectorRegistry()
    metrics = Metrics(registry, watches=["krios1"], devices=["cpu"])
    metrics.show(replace(state, problems=problems), [], [])
    lines = generate_latest(registry).decode().splitlines()
    return "\n".join(line for line in lines if "livetomo_watch" in line or "problem" in line), [
        each.message for each in problems
    ]


@pytest.mark.parametrize("name", [field.name for field in fields(Report)])
async def test_every_field_of_the_report_reaches_a_metric_or_a_problem(name: str) -> None:
    assert OTHER[name] != getattr(SEEN, name)
    differs = shown(await heard(SEEN)) != shown(await heard(replace(SEEN, **{name: OTHER[name]})))
    assert differs == (name not in ELSEWHERE), f"{name} of the watcher's report is seen by nobody"


async def test_how_a_tree_is_watched_stands_in_the_status_of_the_api() -> None:
    intake = await heard(replace(SEEN, mode=OTHER["mode"]))
    assert whole(replace(status(), watches=(intake.status(),)))["status"].watches[0].mode == OTHER["mode"]
    assert (await heard(replace(SEEN, pending=OTHER["pending"]))).report.pending == OTHER["pending"]


def test_a_watcher_fills_every_field_of_its_report() -> None:
    clock, tree = Clock(), FakeTree()
    facility = Facility(tree, clock)
    tree.write("monday/TS_01.mrc", mrc()[:-10])
    tree.write("monday/TS_0\udcfc.mrc", mrc())
    facility.run(25)
    watched = facility.watcher.report(mode="poll", overflows=3)
    tree.root_exists = False
    facility.run(60)
    lost = facility.watcher.report(mode="poll", overflows=3)
    empty = Report()
    unfilled = [
        field.name
        for field in fields(Report)
        if all(getattr(report, field.name) == getattr(empty, field.name) for report in (watched, lost))
    ]
    assert unfilled == []
