"""What Prometheus gets, and that no label can grow without bound."""

import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from livetomo.catalog.queries import SessionTotals
from livetomo.core.events import Event, Recorded
from livetomo.core.problems import Collector, Problem
from livetomo.core.quality.definitions import DEFINITIONS
from livetomo.core.quality.metric import Quality
from livetomo.core.quality.session_verdict import Target
from livetomo.core.state_problems import of_states
from livetomo.core.status import BrokerState, DiskState, Status, WatchState, WorkerState
from livetomo.core.tomogram import TomogramId
from livetomo.publish.prometheus.families import FAMILIES
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.publish.prometheus.quality_buckets import metric_name
from tests.publish.event_logs import RECIPE_HASH, manifest, named
from tests.servers import need

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self, time: float = 0.0) -> None:
        self.time = time

    def __call__(self) -> float:
        return self.time


def status(**more: object) -> Status:
    return with_problems(_states(**more))


def with_problems(status: Status) -> Status:
    """With what its states say is wrong, as the daemon's overview has it."""
    return replace(status, problems=Collector().collect(of_states(status), status.time))


def _states(**more: object) -> Status:
    return Status(
        **{  # type: ignore[arg-type]
            "site": "facility",
            "instance": "main",
            "version": "0.1.0",
            "time": NOON,
            "started": NOON,
            "jobs": {"waiting": 3, "running": 1, "done": 40},
            "watches": (WatchState("krios1", scanning=True, last_scan=NOON, scan_seconds=0.2, files=812, settling=2),),
            "workers": (WorkerState("cpu", "busy", "krios1/s/TS_01", "segment", NOON),),
            "broker": BrokerState(configured=True, connected=True, waiting=2, oldest=NOON),
            "disks": (DiskState("output", 10**12),),
        }
        | more
    )


@pytest.fixture
def now() -> Clock:
    return Clock(NOON.timestamp())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(now: Clock, clock: Clock) -> Metrics:
    return Metrics(CollectorRegistry(), watches=["krios1"], devices=["cpu"], now=now, clock=clock)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"livetomo_{name}", labels)


def test_counters_of_a_known_watch_begin_at_zero(metrics: Metrics) -> None:
    assert value(metrics, "arrivals_total", watch="krios1") == 0
    assert value(metrics, "finished_total", watch="krios1", outcome="failed") == 0
    assert value(metrics, "verdicts_total", watch="krios1", verdict="bad") == 0
    assert value(metrics, "worker_restarts_total", device="cpu") == 0
    assert value(metrics, "failures_total", kind="device") == 0


def test_when_a_series_was_created_is_not_a_series_of_its_own(metrics: Metrics) -> None:
    assert b"_created" not in metrics.exposition()


def test_a_stage_says_what_goes_in_what_is_in_it_and_what_comes_out(metrics: Metrics, clock: Clock, now: Clock) -> None:
    metrics.worker_at("cpu", "read")
    clock.time = 3.0
    metrics.worker_at("cpu", "segment")
    assert value(metrics, "stage_completed_total", stage="read") == 1
    assert value(metrics, "stage_duration_seconds_sum", stage="read") == 3
    assert value(metrics, "stage_in_progress", stage="read") == 0
    assert value(metrics, "stage_in_progress", stage="segment") == 1
    assert value(metrics, "stage_last_completed_timestamp_seconds", stage="read") == now.time
    metrics.worker_at("cpu", None)
    assert value(metrics, "stage_in_progress", stage="segment") == 0


def test_a_worker_that_dies_leaves_its_stage_without_completing_it(metrics: Metrics) -> None:
    metrics.worker_at("cpu", "segment")
    metrics.worker_stopped("cpu", died=True)
    assert value(metrics, "stage_started_total", stage="segment") == 1
    assert value(metrics, "stage_completed_total", stage="segment") is None
    assert value(metrics, "stage_in_progress", stage="segment") == 0
    assert value(metrics, "worker_restarts_total", device="cpu") == 1


def test_a_result_counts_its_verdict_its_picks_and_each_figure_in_its_own_unit(metrics: Metrics) -> None:
    metrics.finished(manifest(picks=7))
    metrics.finished(manifest(picks=0))
    assert value(metrics, "finished_total", watch="krios1", outcome="done") == 2
    assert value(metrics, "verdicts_total", watch="krios1", verdict="warn") == 2
    assert value(metrics, "picks_total", watch="krios1", feature="ribosome") == 7
    assert value(metrics, "tomogram_picks_bucket", feature="ribosome", le="0.0") == 1
    assert value(metrics, "quality_thickness_meters_sum", watch="krios1") == pytest.approx(5800e-10)
    assert value(metrics, "latest_contrast_ratio", watch="krios1") == 0.31


def test_a_missing_figure_is_not_a_zero(metrics: Metrics) -> None:
    metrics.finished(manifest(quality=named(Quality("thickness", None, "Å", "missing"))))
    assert value(metrics, "quality_thickness_meters_count", watch="krios1") is None


def test_latency_is_from_the_complete_file_to_the_acknowledgement(metrics: Metrics, now: Clock) -> None:
    done = Event(
        "state", TomogramId("krios1", "s", "TS_01"), 1, RECIPE_HASH, "done.1", {"state": "done", "seconds": 8.0}
    )
    now.time = NOON.timestamp() + 4
    metrics.acknowledged(Recorded(1, "id", "2026-11-20T12:00:00.000Z", done))
    assert value(metrics, "latency_seconds_sum", watch="krios1") == 12
    assert value(metrics, "events_acknowledged_total", kind="state") == 1


def test_bad_files_and_failed_attempts_are_counted_by_whose_fault_it_was(metrics: Metrics) -> None:
    metrics.arrived("krios1", rejected=True)
    metrics.began("krios1", 2.0)
    metrics.failed("krios1", "transient", final=False)
    metrics.failed("krios1", "device", final=True)
    assert value(metrics, "failures_total", kind="permanent") == 1
    assert value(metrics, "failures_total", kind="transient") == 1
    assert value(metrics, "finished_total", watch="krios1", outcome="failed") == 2
    assert value(metrics, "job_wait_seconds_sum", watch="krios1") == 2


def test_gauges_say_the_last_status_and_forget_what_is_no_longer_there(metrics: Metrics) -> None:
    metrics.show(status(), [("krios1", "20261120_yeast")])
    assert value(metrics, "ready") == 1
    assert value(metrics, "jobs", state="waiting") == 3
    assert value(metrics, "jobs", state="failed") == 0
    assert value(metrics, "workers", state="busy") == 1
    assert value(metrics, "events_oldest_timestamp_seconds") == NOON.timestamp()
    assert value(metrics, "session_info", watch="krios1", session="20261120_yeast") == 1
    metrics.show(status(broker=BrokerState(configured=True, error="10.0.0.1:1883 cannot be reached")))
    assert value(metrics, "ready") == 0
    assert value(metrics, "session_info", watch="krios1", session="20261120_yeast") is None


def test_each_problem_is_a_series_until_it_no_longer_holds(metrics: Metrics) -> None:
    metrics.show(status(problems=()))
    sick = status()
    metrics.show(replace(sick, problems=(Problem("disk", "output", "critical", "It is full.", NOON, True),)))
    assert value(metrics, "problem", kind="disk", subject="output", severity="critical") == 1
    metrics.show(sick)
    assert value(metrics, "problem", kind="disk", subject="output", severity="critical") is None


def test_no_label_names_a_tomogram_and_a_session_stands_only_in_its_info(metrics: Metrics) -> None:
    for number in range(50):
        metrics.finished(manifest(f"TS_{number}", session=f"session{number}"))
    metrics.show(status())
    labels = set(re.findall(r"[{,](\w+)=", metrics.exposition().decode()))
    assert labels <= {"watch", "stage", "state", "outcome", "feature", "verdict", "device", "kind", "disk"} | {
        "subject",
        "severity",
        "reason",
        "figure",
        "version",
        "site",
        "name",
        "le",
    }
    assert b"TS_1" not in metrics.exposition()
    assert b"session1" not in metrics.exposition()


def test_two_daemons_in_one_process_do_not_share_a_registry() -> None:
    Metrics(CollectorRegistry())
    Metrics(CollectorRegistry())


@pytest.mark.parametrize(
    ("name", "unit", "metric"),
    [
        ("thickness", "Å", "thickness_meters"),
        ("voxel_size", "Å", "voxel_size_meters"),
        ("contrast", "", "contrast_ratio"),
        ("tilt", "°", "tilt_degrees"),
        ("ribosome.density", "1/µm³", "ribosome_density_per_cubic_meter"),
        ("ribosome_count", "", None),
        ("odd name", "", None),
        ("thickness", "furlong per fortnight", None),
    ],
)
def test_a_figure_is_named_with_its_unit(name: str, unit: str, metric: str | None) -> None:
    assert metric_name(name, unit) == metric


def test_promtool_finds_nothing_to_say(metrics: Metrics, tmp_path: Path) -> None:
    """Of every figure that there can be, too: base units, and names as Prometheus wants them."""
    names = {name.replace("<feature>", "ribosome"): measure.unit for name, measure in DEFINITIONS.items()}
    metrics.finished(manifest(quality=named(*(Quality(name, 1.0, unit) for name, unit in names.items()))))
    metrics.worker_at("cpu", "read")
    metrics.show(status(), [("krios1", "20261120_yeast")])
    done = subprocess.run(
        [need("promtool", "prometheus"), "check", "metrics"],
        input=metrics.exposition(),
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr.decode(), done.stdout.decode()) == (0, "", "")
    assert not re.search(rb"angstrom|nanomet|micromet", metrics.exposition())


def test_a_value_is_reported_in_its_metric_s_unit(metrics: Metrics) -> None:
    quality = named(
        Quality("thickness", 1500.0, "Å", "good"),
        Quality("defocus", 3.5, "µm", "good"),
        Quality("ribosome_density", 800.0, "1/µm³"),
    )
    metrics.finished(manifest(quality=quality))
    assert value(metrics, "latest_thickness_meters", watch="krios1") == pytest.approx(1.5e-7)
    assert value(metrics, "latest_defocus_meters", watch="krios1") == pytest.approx(3.5e-6)
    assert value(metrics, "latest_ribosome_density_per_cubic_meter", watch="krios1") == pytest.approx(8e20)
    assert value(metrics, "quality_thickness_meters_bucket", watch="krios1", le="1.25e-07") == 0
    assert value(metrics, "quality_thickness_meters_bucket", watch="krios1", le="1.5e-07") == 1


def test_each_poor_figure_is_counted_by_its_name(metrics: Metrics) -> None:
    metrics.finished(manifest())
    metrics.finished(manifest())
    assert value(metrics, "poor_figures_total", watch="krios1", figure="thickness", verdict="warn") == 2
    assert value(metrics, "poor_figures_total", watch="krios1", figure="thickness", verdict="bad") == 0
    assert value(metrics, "poor_figures_total", watch="krios1", figure="contrast", verdict="bad") == 0


def test_the_newest_session_s_verdict_and_targets_are_reported_by_its_watch(metrics: Metrics) -> None:
    aims = (Target("ribosome", 9000, 812, 40.0, NOON), Target("microtubule", 100, 3))
    session = SessionTotals("krios1", "monday", 10, {}, {}, {}, NOON, "bad", (), aims)
    metrics.show(status(), [("krios1", "monday")], [session])
    assert value(metrics, "session_verdict", watch="krios1", verdict="bad") == 1
    assert value(metrics, "session_verdict", watch="krios1", verdict="good") == 0
    assert value(metrics, "session_particles", watch="krios1", feature="ribosome") == 812
    assert value(metrics, "session_target_particles", watch="krios1", feature="ribosome") == 9000
    assert value(metrics, "session_target_timestamp_seconds", watch="krios1", feature="ribosome") == NOON.timestamp()
    assert value(metrics, "session_target_timestamp_seconds", watch="krios1", feature="microtubule") == 0
    metrics.show(status())
    assert value(metrics, "session_verdict", watch="krios1", verdict="bad") is None, "nothing is left of a session"


def test_every_metric_of_the_table_is_exposed_with_its_type():
    registry = CollectorRegistry()
    Metrics(registry)
    exposed = {family.name: family.type for family in registry.collect()}
    assert {family.name.removesuffix("_total"): family.kind for family in FAMILIES}.items() <= exposed.items()


def test_expected_false_picks_are_counted_and_so_are_those_that_nobody_has_estimated(metrics: Metrics) -> None:
    metrics.finished(manifest(picks=40, false=0.1))
    metrics.finished(manifest(picks=7))
    of = {"watch": "krios1", "feature": "ribosome"}
    assert value(metrics, "picks_total", **of) == 47
    assert value(metrics, "expected_false_picks_total", **of) == pytest.approx(4)
    assert value(metrics, "unestimated_picks_total", **of) == 7
