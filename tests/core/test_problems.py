"""What is wrong is one list, and everything that shows problems shows that list."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from livetomo.core.problems import KINDS, Collector, Problem, possible_names
from livetomo.daemon.status_publisher import Alerts
from livetomo.publish.mqtt.retained import Retained
from livetomo.publish.payloads.retained import StatusPayload
from livetomo.publish.payloads.topics import Topics
from livetomo.publish.prometheus.metrics import Metrics
from tests.web.site import FakeDaemon
from tests.web.test_app import browsing

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def one_of_each_kind() -> list[Problem]:
    """With subjects that the fake daemon has, or any of the fixed words."""
    subjects = {"watch": "krios1", "disk": "output", "device": "cpu"}
    return [
        Problem(kind, subject[0] if isinstance(subject, tuple) else subjects[subject], "critical", f"About {kind}.")
        for kind, subject in KINDS.items()
    ]


def test_a_problem_keeps_its_first_time_while_it_holds() -> None:
    collector, full = Collector(), Problem("disk", "output", "critical", "It is full.")
    (first,) = collector.collect([full], NOON)
    (later,) = collector.collect([replace(full, message="It is fuller.")], NOON + timedelta(hours=1))
    assert (first.since, later.since) == (NOON, NOON)
    assert collector.collect([], NOON + timedelta(hours=2)) == ()
    (again,) = collector.collect([full], NOON + timedelta(hours=3))
    assert again.since == NOON + timedelta(hours=3)


def test_what_two_parts_say_of_one_subject_is_one_problem() -> None:
    said = [
        Problem("disk", "output", "warning", "It is slow."),
        Problem("disk", "output", "critical", "It is full.", blocks_ready=True),
    ]
    (problem,) = Collector().collect(said, NOON)
    assert (problem.severity, problem.message, problem.blocks_ready) == ("critical", "It is slow. It is full.", True)


def test_a_kind_or_a_subject_that_is_not_entered_is_refused() -> None:
    """Or else a tomogram's name could become a label, and an alert of an earlier run stay for ever."""
    with pytest.raises(ValueError, match="KINDS"):
        Problem("mood", "krios1", "warning", "It is in a bad mood.")
    with pytest.raises(ValueError, match="KINDS"):
        Problem("broker", "TS_01", "warning", "It was refused.")


def test_every_problem_has_a_name_that_can_be_foreseen() -> None:
    names = possible_names(["krios1"], ["output"], ["cpu"])
    assert {problem.name for problem in one_of_each_kind()} <= names


@pytest.mark.parametrize("problem", one_of_each_kind(), ids=lambda problem: problem.kind)
async def test_every_kind_is_shown_everywhere(problem: Problem, tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path)
    daemon.problems = [replace(problem, blocks_ready=True)]
    async with browsing(daemon) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["problems"]) == (503, [problem.message])
        said = (await client.get("/api/v1/status")).json()
        assert said["problems"] == [problem.message]
        assert said["status"]["problems"][0]["message"] == problem.message
    status = await daemon.status()
    reported = json.loads(StatusPayload.of(status).payload())
    assert (reported["ready"], reported["problems"]) == (False, [problem.message])
    metrics = Metrics(CollectorRegistry())
    metrics.show(status)
    labels = {"kind": problem.kind, "subject": problem.subject, "severity": "critical"}
    assert metrics.registry.get_sample_value("livetomo_problem", labels) == 1
    assert metrics.registry.get_sample_value("livetomo_ready") == 0
    retained = Retained()
    alerts = Alerts(retained, Topics("facility", "main"))
    alerts.show(status)
    topics = await sent(retained)
    alerts.show(replace(status, problems=()))
    taken_back = await sent(retained)
    assert {topic for topic, payload in topics.items() if payload} == set(taken_back)


async def test_what_does_not_keep_the_daemon_from_its_work_is_a_warning_of_readiness(tmp_path: Path) -> None:
    daemon = FakeDaemon(tmp_path)
    daemon.problems = [Problem("quality", "krios1", "critical", "monday is bad")]
    async with browsing(daemon) as client:
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()) == (
            200,
            {"ready": True, "problems": [], "warnings": ["monday is bad"]},
        )


async def sent(retained: Retained) -> dict[str, bytes]:
    reported = {}
    while retained._pending:
        message = await retained.next()
        reported[message.topic] = message.payload
        retained.sent(message)
    return reported


def test_the_parts_of_a_running_daemon_can_report(tmp_path: Path) -> None:
    """The Protocol is what a part needs, and no more."""

    class Part:
        def problems(self) -> Iterable[Problem]:
            return [Problem("workers", "all", "warning", "They are slow.")]

    (problem,) = Collector().collect(Part().problems(), NOON)
    assert problem.since == NOON
