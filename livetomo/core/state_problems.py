"""Problems of the watches, workers, disks and the broker, by their states, and of live sessions, by their verdicts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from livetomo.core.problems import Problem, Severity
from livetomo.core.quality.metric import Verdict
from livetomo.core.status import BrokerState, DiskState, Status, WatchHealth, WatchState, WorkerState
from livetomo.core.units import spoken_seconds

# So many failures one after the other are no chance; a share of the last ones is a warning.
FAILURES_IN_A_ROW = 5
FEWEST_ENDED, POOR_SHARE = 10, 0.3
# No file for so many usual intervals, and at least so long, while the session is live.
SILENT_INTERVALS, SILENT_SECONDS, LIVE_SECONDS = 5, 900.0, 6 * 3600.0


@dataclass(frozen=True, slots=True)
class PoorSession:
    """A live session whose verdict is warn or bad."""

    watch: str
    session: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()


def of_states(status: Status) -> Iterator[Problem]:
    """All that the states of a status say."""
    yield from of_watches(status.watches)
    for watch in status.watches:
        yield from of_health(watch.name, watch.health, status.time)
    yield from of_broker(status.broker)
    yield from of_disks(status.disks)
    yield from of_workers(status.workers)


def of_watches(watches: Iterable[WatchState]) -> Iterator[Problem]:
    """Watches that are not scanned."""
    for watch in watches:
        if watch.starting and not watch.scanning:
            said = f"{watch.name} is not being watched yet: its first scan is not done."
            yield Problem("start", watch.name, "warning", said, blocks_ready=True)
        elif not watch.scanning:
            said = f"{watch.name} is not being watched: {watch.message}"
            yield Problem("watch", watch.name, "critical", said, blocks_ready=True)


def of_removed_watches(waiting: Mapping[str, int]) -> Iterator[Problem]:
    """Jobs that wait for a watch that is no longer in the configuration."""
    if waiting:
        jobs = ", ".join(f"{number:,} of {name}" for name, number in sorted(waiting.items()))
        said = (
            f"Jobs wait for watches that are not in the configuration: {jobs}. They wait until the watch "
            "is there again."
        )
        yield Problem("jobs", "removed", "warning", said)


def of_health(watch: str, health: WatchHealth, now: datetime) -> Iterator[Problem]:
    """Tomograms that fail one after the other, or often; and a live session whose files have stopped."""
    why = f" ({health.reason})" if health.reason else ""
    if health.consecutive_failures >= FAILURES_IN_A_ROW:
        said = (
            f"The last {health.consecutive_failures:,} tomograms of {watch} all failed{why}. "
            "`livetomo failed list` says why, and what to do."
        )
        yield Problem("failures", watch, "critical", said, blocks_ready=True)
    elif health.ended >= FEWEST_ENDED and health.failed >= POOR_SHARE * health.ended:
        said = (
            f"{health.failed} of the last {health.ended} tomograms of {watch} failed{why}. "
            "`livetomo failed list` says why, and what to do."
        )
        yield Problem("failures", watch, "warning", said)
    if health.last_file is None or health.usual_interval_seconds is None:
        return
    quiet = (now - health.last_file).total_seconds()
    if max(SILENT_INTERVALS * health.usual_interval_seconds, SILENT_SECONDS) < quiet < LIVE_SECONDS:
        said = (
            f"No file of {watch} is newer than {health.last_file:%H:%M} UTC; usually one comes "
            f"{_every(health.usual_interval_seconds)}. Is the session over, or has its software stopped?"
        )
        yield Problem("silence", watch, "warning", said)


def _every(seconds: float) -> str:
    """How often something comes, as a person would say it."""
    return f"every {spoken_seconds(seconds)}" if seconds >= 1.5 else "about every second, or faster"


def of_workers(workers: Sequence[WorkerState]) -> Iterator[Problem]:
    """Devices that get no jobs; if there is no other, the daemon is not ready."""
    benched = [worker for worker in workers if worker.state == "benched"]
    for worker in benched:
        said = f"{worker.device} gets no more jobs for now: {worker.message}"
        yield Problem("device", worker.device, "warning", said)
    if workers and len(benched) == len(workers):
        said = f"No device can take jobs: {workers[0].message}"
        yield Problem("workers", "all", "critical", said, blocks_ready=True)


def of_disks(disks: Iterable[DiskState]) -> Iterator[Problem]:
    """Disks that are full, or cannot be written."""
    for disk in disks:
        if disk.message:
            said = f"Nothing can be written to {disk.name}; no jobs are started. {disk.message}"
            yield Problem("disk", disk.name, "critical", said, blocks_ready=True)
        elif not disk.enough:
            said = (
                f"Only {disk.free_bytes / 1e9:.1f} GB of disk are left for {disk.name}; no jobs are started. Make room."
            )
            yield Problem("disk", disk.name, "critical", said, blocks_ready=True)


def of_broker(broker: BrokerState) -> Iterator[Problem]:
    """A broker that is away: nothing is lost, and subscribers wait."""
    if broker.configured and not broker.connected:
        said = f"The broker is away: {broker.error}" if broker.error else "The broker is not connected yet."
        yield Problem("broker", "connection", "warning", said, blocks_ready=True)


def of_sessions(poor: Iterable[PoorSession]) -> Iterator[Problem]:
    """The live sessions that do not go well, together for each watch: one microscope has one operator."""
    watches: dict[str, list[PoorSession]] = {}
    for each in poor:
        watches.setdefault(each.watch, []).append(each)
    for watch, sessions in watches.items():
        said = " ".join(_verdict(each) for each in sessions)
        severity: Severity = "critical" if any(each.verdict == "bad" for each in sessions) else "warning"
        yield Problem("quality", watch, severity, said)


def _verdict(poor: PoorSession) -> str:
    why = f": {'; '.join(poor.reasons)}" if poor.reasons else ""
    return f"The verdict of session {poor.session} is {poor.verdict}{why}" + ("" if why.endswith(("?", ".")) else ".")
