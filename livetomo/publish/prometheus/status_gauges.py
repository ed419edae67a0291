"""How things stand, as gauges made anew from one snapshot at each scrape, so that nothing stale is left behind."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple, get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from livetomo.catalog.queries import SessionTotals
from livetomo.core.events import State
from livetomo.core.quality.metric import Verdict
from livetomo.core.status import Status

_WORKER_STATES = ("starting", "idle", "busy", "benched")


class Family(NamedTuple):
    """One metric: its full name, its type, what its labels are, and what it tells."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    documentation: str

    def empty(self) -> CounterMetricFamily | GaugeMetricFamily:
        """Without samples; a counter's name is told without `_total`, which the exposition adds."""
        made = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        return made(self.name, self.documentation, labels=self.labels)


def _gauge(name: str, documentation: str, *labels: str) -> Family:
    return Family(f"livetomo_{name}", "gauge", labels, documentation)


FAMILIES = (
    _gauge("ready", "1 when nothing keeps the daemon from doing all its work (see /readyz for the reasons)."),
    _gauge("problem", "1 for each problem that holds; its sentence is on the page.", "kind", "subject", "severity"),
    _gauge("paused", "1 while a person has paused the taking of jobs."),
    _gauge("start_timestamp_seconds", "Time when the daemon was started."),
    _gauge(
        "build_info",
        "Always 1; the labels give the version of livetomo, the site and the instance.",
        "version",
        "site",
        "name",
    ),
    _gauge("jobs", "Number of jobs in each state.", "state"),
    _gauge("oldest_waiting_timestamp_seconds", "Time when the oldest waiting job became ready; 0: no job waits."),
    _gauge("watch_scanning", "1 while the watch is scanned without faults.", "watch"),
    _gauge("watch_last_scan_timestamp_seconds", "Time when the last scan was completed; 0: no scan yet.", "watch"),
    _gauge("watch_scan_duration_seconds", "Duration of the last completed scan.", "watch"),
    _gauge("watch_files", "Number of files seen by the last completed scan.", "watch"),
    _gauge("watch_candidates", "Number of files seen that are tomograms by their names.", "watch"),
    _gauge("watch_settling", "Number of files that still grow, or rest before they are taken.", "watch"),
    Family(
        "livetomo_watch_overflows_total",
        "counter",
        ("watch",),
        "How often the kernel dropped events; the next scan finds those files.",
    ),
    _gauge(
        "watch_consecutive_failures",
        "Number of tomograms that failed one after the other, up to the last one.",
        "watch",
    ),
    _gauge("watch_recent_tomograms", "Number of tomograms that ended within the last day: 20 at most.", "watch"),
    _gauge("watch_recent_failures", "Number of the recent tomograms that failed.", "watch"),
    _gauge("watch_last_file_timestamp_seconds", "Modification time of the newest file; 0: no file yet.", "watch"),
    _gauge("watch_usual_interval_seconds", "Median time between the last files; 0: too few files yet.", "watch"),
    _gauge("workers", "Number of worker processes in each state.", "state"),
    _gauge("worker_busy", "1 while the worker of the device runs a job.", "device"),
    _gauge("broker_configured", "1 if a broker is configured."),
    _gauge("broker_connected", "1 while livetomo is connected to the broker."),
    _gauge("events_waiting", "Number of events that the broker has not acknowledged yet."),
    _gauge("events_oldest_timestamp_seconds", "Time when the oldest waiting event was recorded; 0: no event waits."),
    _gauge("disk_free_bytes", "Free space on the file system of state or output.", "disk"),
    _gauge("disk_enough", "0 when the free space is so small that no jobs are started.", "disk"),
    _gauge("session_info", "Always 1; one series for each live session.", "watch", "session"),
    _gauge("session_verdict", "1 for the current verdict of the newest live session.", "watch", "verdict"),
    _gauge(
        "session_particles", "Number of particles in the newest live session, if it has a target.", "watch", "feature"
    ),
    _gauge(
        "session_target_particles", "Number of particles that the newest live session is to have.", "watch", "feature"
    ),
    _gauge(
        "session_target_timestamp_seconds",
        "Time when the newest live session reaches its target at the present rate; 0: unknown.",
        "watch",
        "feature",
    ),
)


class StatusGauges(Collector):
    """Tells the last status that it was shown, and which sessions are live."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._sessions: Sequence[tuple[str, str]] = ()
        self._newest: Sequence[SessionTotals] = ()

    def show(
        self,
        status: Status,
        live_sessions: Sequence[tuple[str, str]] = (),
        newest: Sequence[SessionTotals] = (),
    ) -> None:
        """Tell `status` from now on; `live_sessions` are (watch, session), `newest` the last one of each watch."""
        self._status = status
        self._sessions = live_sessions
        self._newest = newest

    def describe(self) -> list[Metric]:
        """The families, so that a registry can refuse a second one of the same name."""
        return [family.empty() for family in FAMILIES]

    def collect(self) -> Iterator[Metric]:
        """All families, with the samples of the last status."""
        families = {family.name: family.empty() for family in FAMILIES}
        if self._status is not None:
            for name, labels, value in (*_samples(self._status, self._sessions), *_courses(self._newest)):
                families[f"livetomo_{name}"].add_metric(labels, value)
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


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
