"""How things stand, as gauges made anew from one snapshot at each scrape, so that nothing stale is left behind."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import get_args

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from livetomo.catalog.queries import SessionTotals
from livetomo.core.events import State
from livetomo.core.quality.metric import Verdict
from livetomo.core.status import Status
from livetomo.publish.prometheus.families import STATUS
from livetomo.publish.prometheus.quality_buckets import in_base_units

_WORKER_STATES = ("starting", "idle", "busy", "benched")


class StatusGauges(Collector):
    """Gives the last status that it got, and which sessions are live."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._sessions: Sequence[tuple[str, str]] = ()
        self._newest: Sequence[SessionTotals] = ()

    def show(
        self, status: Status, live_sessions: Sequence[tuple[str, str]] = (), newest: Sequence[SessionTotals] = ()
    ) -> None:
        """Give `status` from now on; `live_sessions` are (watch, session), `newest` the last one of each watch."""
        self._status = status
        self._sessions = live_sessions
        self._newest = newest

    def describe(self) -> list[Metric]:
        """The families, so that a registry can refuse a second one of the same name."""
        return [family.empty() for family in STATUS.values()]

    def collect(self) -> Iterator[Metric]:
        """All families, with the samples of the last status."""
        families = {name: family.empty() for name, family in STATUS.items()}
        if self._status is not None:
            for name, labels, value in (*_samples(self._status, self._sessions), *_courses(self._newest)):
                families[name].add_metric(labels, value)
        yield from families.values()


def _samples(status: Status, sessions: Sequence[tuple[str, str]]) -> Iterator[tuple[str, tuple[str, ...], float]]:
    yield "ready", (), status.ready
    for problem in status.problems:
        yield "problem", (problem.kind, problem.subject, problem.severity), 1
    yield "paused", (), status.paused
    yield "start_timestamp_seconds", (), status.started.timestamp()
    yield "build_info", (status.version, status.site, status.instance), 1
    for state in get_args(State):
        yield "jobs", (state,), status.jobs.get(state, 0)
    yield "oldest_waiting_timestamp_seconds", (), _seconds(status.oldest_waiting)
    for watch in status.watches:
        yield "watch_scanning", (watch.name,), watch.scanning
        yield "watch_last_scan_timestamp_seconds", (watch.name,), _seconds(watch.last_scan)
        if watch.scan_seconds is not None:
            yield "watch_scan_duration_seconds", (watch.name,), watch.scan_seconds
        yield "watch_files", (watch.name,), watch.files
        yield "watch_candidates", (watch.name,), watch.candidates
        yield "watch_settling", (watch.name,), watch.settling
        yield "watch_overflows_total", (watch.name,), watch.overflows
        yield "watch_consecutive_failures", (watch.name,), watch.health.consecutive_failures
        yield "watch_recent_tomograms", (watch.name,), watch.health.ended
        yield "watch_recent_failures", (watch.name,), watch.health.failed
        yield "watch_last_file_timestamp_seconds", (watch.name,), _seconds(watch.health.last_file)
        yield "watch_usual_interval_seconds", (watch.name,), watch.health.usual_interval_seconds or 0.0
    for name in _WORKER_STATES:
        yield "workers", (name,), sum(worker.state == name for worker in status.workers)
    for worker in status.workers:
        yield "worker_busy", (worker.device,), worker.state == "busy"
    yield "broker_configured", (), status.broker.configured
    yield "broker_connected", (), status.broker.connected
    yield "events_waiting", (), status.broker.waiting
    yield "events_oldest_timestamp_seconds", (), _seconds(status.broker.oldest)
    for disk in status.disks:
        yield "disk_free_bytes", (disk.name,), disk.free_bytes
        yield "disk_enough", (disk.name,), disk.enough
    for watch_name, session in sessions:
        yield "session_info", (watch_name, session), 1


def _courses(newest: Sequence[SessionTotals]) -> Iterator[tuple[str, tuple[str, ...], float]]:
    for session in newest:
        for verdict in get_args(Verdict):
            yield "session_verdict", (session.watch, verdict), verdict == session.verdict
        for target in session.targets:
            labels = (session.watch, target.feature)
            yield "session_particles", labels, target.found
            yield "session_target_particles", labels, target.wanted
            yield "session_target_timestamp_seconds", labels, _seconds(target.expected)
        for feature, average in session.averages.items():
            labels = (session.watch, feature)
            yield "session_average_particles", labels, average.particles
            yield "session_average_signal_ratio", labels, average.signal
            yield "session_average_chance_ratio", labels, average.by_chance
            if average.resolution_angstrom is not None:
                yield "session_average_resolution_meters", labels, in_base_units(average.resolution_angstrom, "Å")


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
