"""Everything that Prometheus is told: counters and histograms that the daemon feeds, gauges from its status."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from livetomo.catalog.queries import SessionTotals
from livetomo.core.errors import FaultKind
from livetomo.core.events import Kind, Recorded
from livetomo.core.manifest import ResultManifest
from livetomo.core.quality.metric import Quality, Verdict
from livetomo.core.status import Status
from livetomo.publish.mqtt.refusals import Counted
from livetomo.publish.prometheus.quality_buckets import COUNTS, SECONDS, buckets, in_base_units, metric_name
from livetomo.publish.prometheus.status_gauges import FAMILIES, Family, StatusGauges

# One more series for each counter and histogram, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

_MOST_FIGURES = 200  # names come from code, not from data; this stops whoever breaks that rule


class Metrics:
    """The daemon's metrics in one registry, which it alone owns: workers send plain numbers.

    Labels are bounded: watches, devices, stages and features come from configuration. A tomogram is never a label, a
    session only in `livetomo_session_info` while it is live.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        watches: Iterable[str] = (),
        devices: Iterable[str] = (),
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.registry = registry
        self._now = now
        self._clock = clock
        self._gauges = StatusGauges()
        self._at: dict[str, tuple[str, float]] = {}
        self._figures: dict[str, tuple[Histogram | None, Gauge]] = {}
        self._judged: set[str] = set()
        self._watches: set[str] = set()
        registry.register(self._gauges)
        ProcessCollector(registry=registry)

        self.families = list(FAMILIES)

        def note(name: str, kind: Literal["counter", "gauge", "histogram"], labels: tuple[str, ...], text: str) -> None:
            self.families.append(Family(f"livetomo_{name}", kind, labels, text))

        def counter(name: str, documentation: str, *labels: str) -> Counter:
            note(name, "counter", labels, documentation)
            return Counter(f"livetomo_{name}", documentation, labels, registry=registry)

        def gauge(name: str, documentation: str, *labels: str) -> Gauge:
            note(name, "gauge", labels, documentation)
            return Gauge(f"livetomo_{name}", documentation, labels, registry=registry)

        def histogram(name: str, documentation: str, bounds: Sequence[float], *labels: str) -> Histogram:
            note(name, "histogram", labels, documentation)
            return Histogram(f"livetomo_{name}", documentation, labels, buckets=bounds, registry=registry)

        self._arrivals = counter("arrivals_total", "Number of tomogram revisions taken in.", "watch")
        self._rejected = counter("rejected_total", "Number of files taken in that cannot become a tomogram.", "watch")
        self._attempts = counter("attempts_total", "Number of jobs started.", "watch")
        self._failures = counter("failures_total", "Number of attempts that failed, by kind of fault.", "kind")
        self._finished = counter("finished_total", "Number of jobs that ended.", "watch", "outcome")
        self._verdicts = counter("verdicts_total", "Number of results with each verdict.", "watch", "verdict")
        self._poor = counter(
            "poor_figures_total", "Number of results whose figure is warn or bad.", "watch", "figure", "verdict"
        )
        self._picks = counter("picks_total", "Number of published picks.", "watch", "feature")
        self._acknowledged = counter(
            "events_acknowledged_total", "Number of events that the broker has acknowledged.", "kind"
        )
        self._refused = counter(
            "messages_refused_total", "Number of messages that the broker refused, by its reason.", "reason"
        )
        self._shortened = counter(
            "messages_shortened_total", "Number of messages that were too large and were sent without some parts."
        )
        self._restarts = counter("worker_restarts_total", "Number of workers that died or were killed.", "device")
        self._stage_in = counter("stage_started_total", "Number of tomograms that entered a stage.", "stage")
        self._stage_out = counter("stage_completed_total", "Number of tomograms that left a stage.", "stage")
        self._stage_now = gauge("stage_in_progress", "Number of tomograms in a stage.", "stage")
        self._stage_last = gauge(
            "stage_last_completed_timestamp_seconds", "Time when a tomogram last left the stage.", "stage"
        )
        self._stage_seconds = histogram(
            "stage_duration_seconds", "Time that a tomogram spends in a stage.", SECONDS, "stage"
        )
        self._waited = histogram(
            "job_wait_seconds", "Time from the complete file to the start of its job.", SECONDS, "watch"
        )
        self._latency = histogram(
            "latency_seconds",
            "Time from the complete file until the broker has acknowledged all of its result.",
            SECONDS,
            "watch",
        )
        self._pick_counts = histogram("tomogram_picks", "Number of published picks in one tomogram.", COUNTS, "feature")
        self._last_success = gauge(
            "last_success_timestamp_seconds", "Time when a tomogram was last finished with a result; 0: never.", "watch"
        )
        for watch in watches:
            self.watch_is_there(watch)
        for device in devices:
            self._restarts.labels(device)
        for kind in get_args(FaultKind):
            self._failures.labels(kind)
        for kind in get_args(Kind):
            self._acknowledged.labels(kind)
        for reason in get_args(Counted):
            self._refused.labels(reason)

    def watch_is_there(self, watch: str) -> None:
        """Its counters exist from now on: a rate over one that begins to exist at 1 would miss its first event."""
        if watch in self._watches:
            return
        self._watches.add(watch)
        for counter in (self._arrivals, self._rejected, self._attempts):
            counter.labels(watch)
        for outcome in ("done", "failed"):
            self._finished.labels(watch, outcome)
        for verdict in get_args(Verdict):
            self._verdicts.labels(watch, verdict)
        self._latency.labels(watch)
        self._waited.labels(watch)
        self._last_success.labels(watch).set(0)

    def arrived(self, watch: str, *, rejected: bool = False) -> None:
        """A new tomogram revision was taken in, or put aside as a bad file."""
        self._arrivals.labels(watch).inc()
        if rejected:
            self._rejected.labels(watch).inc()
            self._failures.labels("permanent").inc()
            self._finished.labels(watch, "failed").inc()

    def began(self, watch: str, waited_seconds: float) -> None:
        """A job was begun, so long after its file was complete."""
        self._attempts.labels(watch).inc()
        self._waited.labels(watch).observe(waited_seconds)

    def worker_at(self, device: str, stage: str | None) -> None:
        """The device's worker has come to `stage`, and so through the one before; None: it is done with the job."""
        now = self._clock()
        if (last := self._at.pop(device, None)) is not None:
            name, since = last
            self._stage_now.labels(name).dec()
            self._stage_out.labels(name).inc()
            self._stage_last.labels(name).set(self._now())
            self._stage_seconds.labels(name).observe(now - since)
        if stage is not None:
            self._at[device] = (stage, now)
            self._stage_in.labels(stage).inc()
            self._stage_now.labels(stage).inc()

    def worker_stopped(self, device: str, *, died: bool) -> None:
        """The device's worker left its stage without completing it: its job failed, or (`died`) it is gone itself."""
        if (last := self._at.pop(device, None)) is not None:
            self._stage_now.labels(last[0]).dec()
        if died:
            self._restarts.labels(device).inc()

    def finished(self, manifest: ResultManifest) -> None:
        """A result was committed."""
        watch = manifest.tomogram.watch
        self._finished.labels(watch, "done").inc()
        self._verdicts.labels(watch, manifest.verdict).inc()
        self._last_success.labels(watch).set(self._now())
        for feature, count in manifest.counts().items():
            self._picks.labels(watch, feature).inc(count)
            self._pick_counts.labels(feature).observe(count)
        for figure in manifest.quality.values():
            self._figure(figure, watch)

    def failed(self, watch: str, kind: FaultKind, *, final: bool) -> None:
        """An attempt failed; `final`: its job will not be tried again."""
        self._failures.labels(kind).inc()
        if final:
            self._finished.labels(watch, "failed").inc()

    def message_refused(self, reason: Counted) -> None:
        """The broker does not take a message, and it was passed over."""
        self._refused.labels(reason).inc()

    def message_shortened(self) -> None:
        """A message was sent without some of its parts, since the broker takes no larger one."""
        self._shortened.inc()

    def acknowledged(self, recorded: Recorded) -> None:
        """The broker has an event. The last of a tomogram's good events says how long all took."""
        event = recorded.event
        self._acknowledged.labels(event.kind).inc()
        if event.kind == "state" and event.body["state"] == "done" and "seconds" in event.body:
            since = self._now() - datetime.fromisoformat(recorded.time).timestamp()
            self._latency.labels(event.tomogram.watch).observe(event.body["seconds"] + max(0.0, since))

    def show(
        self,
        status: Status,
        live_sessions: Sequence[tuple[str, str]] = (),
        newest: Sequence[SessionTotals] = (),
    ) -> None:
        """Tell `status` at the next scrapes; `live_sessions` are (watch, session), `newest` the last of each watch."""
        self._gauges.show(status, live_sessions, newest)

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    def _figure(self, figure: Quality, watch: str) -> None:
        name = figure.name
        if name in self._judged or len(self._judged) < _MOST_FIGURES:
            self._judged.add(name)
            for verdict in ("warn", "bad"):  # both, so that a rate begins at 0
                self._poor.labels(watch, name, verdict).inc(figure.verdict == verdict)
        metric = metric_name(name, figure.unit)
        if metric is None or figure.value is None:
            return
        if metric not in self._figures:
            if len(self._figures) == _MOST_FIGURES:
                return
            of_each, of_last = f"{name} of each tomogram.", f"{name} of the last finished tomogram."
            bounds, registry = buckets(name, figure.unit), self.registry
            self._figures[metric] = (
                Histogram(f"livetomo_quality_{metric}", of_each, ["watch"], buckets=bounds, registry=registry)
                if bounds
                else None,
                Gauge(f"livetomo_latest_{metric}", of_last, ["watch"], registry=registry),
            )
        distribution, latest = self._figures[metric]
        value = in_base_units(figure.value, figure.unit)
        if distribution is not None:
            distribution.labels(watch).observe(value)
        latest.labels(watch).set(value)
