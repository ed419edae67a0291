"""Every field of every report that one part makes for another reaches what people see, or says why it does not."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from livetomo.config.configuration import Watch
from livetomo.core.problems import Problem
from livetomo.core.status import BrokerState, DiskState, Status, WatchHealth, WatchState, WorkerState
from livetomo.intake.messages import Pending, Report
from livetomo.intake.supervisor import Intake
from livetomo.publish.prometheus.metrics import Metrics
from tests.intake.test_supervisor import Catalog, intake_of

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

# What is no number, and where a person finds it instead.
NOT_IN_THE_STATE = {
    "pending": "`livetomo scan` and the API's intake report show the files; their number is `settling`",
    "scans": "makes `last_scan` move",
    "not_utf8": "is the problem `names`, which is a metric",
    "first_not_utf8": "stands in the sentence of the problem `names`",
}
NOT_A_METRIC = {
    "WatchState.message": "a sentence: the watch is a problem then, which is a metric",
    "WatchState.starting": "a problem of the kind start says so",
    "WatchState.mode": "a word, in `livetomo status --json` and on the page",
    "WatchHealth.reason": "a sentence, in the problem failures",
    "WorkerState.tomogram": "a tomogram is never a label",
    "WorkerState.stage": "is in the stages' own metrics, as it is reached",
    "WorkerState.since": "is in the stages' own metrics",
    "WorkerState.message": "a sentence: the device is a problem then",
    "DiskState.message": "a sentence: the disk is a problem then",
    "BrokerState.error": "a sentence: the broker is a problem then",
    "Status.time": "Prometheus has its own clock",
    "Status.url": "an address, for the page and for messages",
    "Status.epoch": "which catalog it is, for consumers of events",
    "Problem.message": "a sentence, on the page, in the status and in alerts",
    "Problem.since": "Prometheus knows since when a series is there",
}


def others(value: Any) -> Iterator[Any]:
    """Values of the same kind that are not `value`."""
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 7
        case str():
            yield from (f"{value}x", "idle", "benched", "output", "warning", "watch")
        case datetime():
            yield value + timedelta(hours=1)
        case dict():
            yield {key: number + 7 for key, number in value.items()}
        case _:
            raise AssertionError(f"say what else {value!r} could be")


def whole() -> Status:
    """A status in which every field has a value."""
    health = WatchHealth(2, 20, 3, "truncated volume", NOON, 720.0)
    return Status(
        site="facility",
        instance="main",
        version="0.1.0",
        time=NOON,
        started=NOON,
        url="http://localhost",
        jobs={"waiting": 3},
        oldest_waiting=NOON,
        watches=(WatchState("krios1", True, "", False, NOON, 0.2, 812, 40, 2, 1, "events", health),),
        workers=(WorkerState("cpu", "busy", "krios1/s/TS_01", "segment", NOON, ""),),
        broker=BrokerState(True, True, "", 2, NOON),
        disks=(DiskState("state", 10**12),),
        problems=(Problem("disk", "output", "critical", "It is full.", NOON, True),),
    )


def places(node: Any, put: Callable[[Any], Status]) -> Iterator[tuple[str, Any, Callable[[Any], Status]]]:
    """Each field in a report and in the reports that it is made of: its name, its value, and a status with another."""
    for field in fields(node):
        value = getattr(node, field.name)
        name = f"{type(node).__name__}.{field.name}"

        def put_field(new: Any, field_name: str = field.name) -> Status:
            return put(replace(node, **{field_name: new}))

        if is_dataclass(value):
            yield from places(value, put_field)
        elif isinstance(value, tuple):
            (item,) = value
            yield from places(item, lambda new, put_field=put_field: put_field((new,)))  # type: ignore[misc]
        else:
            yield name, value, put_field


def exposition(status: Status) -> bytes:
    metrics = Metrics(CollectorRegistry(), clock=lambda: 0.0, now=lambda: 0.0)
    metrics.show(status)
    return b"\n".join(line for line in metrics.exposition().splitlines() if line.startswith(b"livetomo_"))


PLACES = list(places(whole(), lambda status: status))


@pytest.mark.parametrize(("name", "value", "put"), PLACES, ids=[name for name, _, _ in PLACES])
def test_a_field_of_a_state_moves_a_metric_or_says_why_not(name: str, value: Any, put: Callable[[Any], Status]) -> None:
    before = exposition(whole())
    moved = False
    for other in others(value):
        try:
            moved = moved or exposition(put(other)) != before
        except ValueError:  # a problem of a kind that there is not
            continue
    assert moved != (name in NOT_A_METRIC)


def test_no_reason_is_left_over() -> None:
    assert NOT_A_METRIC.keys() <= {name for name, _, _ in PLACES}
    assert NOT_IN_THE_STATE.keys() <= {field.name for field in fields(Report)}


@pytest.mark.parametrize("field", [field.name for field in fields(Report)])
def test_a_field_of_the_watcher_s_report_reaches_the_watch_s_state(tmp_path: Path, field: str) -> None:
    """The number of overflows was reported, and never copied: its counter could not move."""
    intake: Intake = intake_of(Catalog(), Watch(name="krios1", path=tmp_path))
    report = Report(scans=1, seconds=0.5, mode="events")
    intake._take_report(report)
    before = intake.status()
    value = getattr(report, field)
    other = (Pending("a.mrc", 1, 2.0, "it grows"),) if field == "pending" else next(others(value))
    intake._take_report(replace(report, **{field: other}))
    assert (intake.status() != before) == (field not in NOT_IN_THE_STATE) or field == "scans"
