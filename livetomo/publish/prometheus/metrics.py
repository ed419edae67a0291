"""Everything that Prometheus gets: counters and histograms that the daemon feeds, gauges from its status."""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, TypeVar, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from livetomo.core.errors import FaultKind
from livetomo.core.events import Kind, Recorded
from livetomo.core.manifest import ResultManifest
from livetomo.core.quality.metric import Quality, Verdict
from livetomo.publish.mqtt.refusals import Counted
from livetomo.publish.prometheus.families import COUNTED
from livetomo.publish.prometheus.quality_buckets import COUNTS, SECONDS, buckets, in_base_units, metric_name
from livetomo.publish.prometheus.status_gauges import StatusGauges

# One more series for each counter and histogram, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]

_MOST_FIGURES = 200  # names come from code, not from data; this stops code that breaks that rule

M = TypeVar("M", Counter, Gauge, Histogram)


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
        self._at: dict[str, tuple[str, float]] = {}
        self._figures: dict[str, tuple[Histogram | None, Gauge]] = {}
        self._judged: set[str] = set()
        self._watches: set[str] = set()
        gauges = StatusGauges()
        self.show = gauges.show
        registry.register(gauges)
        ProcessCollector(registry=registry)

        def made(kind: type[M], name: str, **more: Any) -> M:
            family = COUNTED[name]
            return kind(family.name, family.documentation, family.labels, registry=registry, **more)

        self._arrivals = made(Counter, "arrivals_total")
        self._rejected = made(Counter, "rejected_total")
        self._attempts = made(Counter, "attempts_total")
        self._failures = made(Counter, "failures_total")
        self._finished = made(Counter, "finished_total")
        self._verdicts = made(Counter, "verdicts_total")
        self._poor = made(Counter, "poor_figures_total")
        self._picks = made(Counter, "picks_total")
        self._false_picks = made(Counter, "expected_false_picks_total")
        self._unestimated = made(Counter, "unestimated_picks_total")
        self._acknowledged = made(Counter, "events_acknowledged_total")
        self._refused = made(Counter, "messages_refused_total")
        self._shortened = made(Counter, "messages_shortened_total")
        self._restarts = made(Counter, "worker_restarts_total")
        self._stage_in = made(Counter, "stage_started_total")
        self._stage_out = made(Counter, "stage_completed_total")
        self._stage_now = made(Gauge, "stage_in_progress")
        self._stage_last = made(Gauge, "stage_last_completed_timestamp_seconds")
        self._stage_seconds = made(Histogram, "stage_duration_seconds", buckets=SECONDS)
        self._waited = made(Histogram, "job_wait_seconds", buckets=SECONDS)
        self._latency = made(Histogram, "latency_seconds", buckets=SECONDS)
        self._pick_counts = made(Histogram, "tomogram_picks", buckets=COUNTS)
        self._last_success = made(Gauge, "last_success_timestamp_seconds")
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
        """A new tomogram revision was taken in, or failed as a bad file."""
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
        for feature, picks in manifest.picks.items():
            self._picks.labels(watch, feature).inc(picks.count)
            self._pick_counts.labels(feature).observe(picks.count)
            share = picks.false_share
            self._false_picks.labels(watch, feature).inc(share.expected if share else 0)
            self._unestimated.labels(watch, feature).inc(0 if share else picks.count)
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
