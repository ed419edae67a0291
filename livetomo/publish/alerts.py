"""What a person should look at, retained at the broker while it holds, and cleared by itself when it no longer does."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Literal

from livetomo.catalog.views import SessionTotals
from livetomo.publish.retained import Retained
from livetomo.publish.standing import AlertTold
from livetomo.publish.topics import Topics
from livetomo.status import Status

Severity = Literal["warning", "critical"]


class Alerts:
    """The alerts of one daemon. Their names come from the configuration, so that there are never more than that."""

    def __init__(self, retained: Retained, topics: Topics) -> None:
        self._retained = retained
        self._topics = topics
        self._since: dict[str, datetime] | None = None

    def show(self, status: Status, live: Sequence[SessionTotals] = ()) -> None:
        """Tell what holds now, of the daemon and of the sessions that are `live`, and take back what held before.

        At first, whatever an earlier run may have left is taken back.
        """
        told = [*_holding(status), *_poor(status, live)]
        possible, holding = set(_names(status)), {name: (severity, message) for name, severity, message in told}
        earlier = self._since if self._since is not None else dict.fromkeys(possible, status.time)
        self._since = {name: earlier.get(name, status.time) for name in holding}
        for name in sorted(earlier.keys() - holding.keys()):
            self._retained.clear(self._topics.alert(name))
        for name, (severity, message) in holding.items():
            body = {"name": name, "since": self._since[name], "severity": severity, "message": message}
            self._retained.put(self._topics.alert(name), AlertTold.model_validate(body).payload())


def _names(status: Status) -> Iterator[str]:
    """Every alert that there can be."""
    for watch in status.watches:
        yield f"watch-{watch.name}"
        yield f"quality-{watch.name}"
    yield from (f"disk-{disk.name}" for disk in status.disks)
    yield from (f"device-{worker.device}" for worker in status.workers)


def _holding(status: Status) -> Iterator[tuple[str, Severity, str]]:
    for watch in status.watches:
        if not watch.scanning and watch.message:  # without a reason, its first scan is not over yet
            yield f"watch-{watch.name}", "critical", f"{watch.name} is not being watched: {watch.message}"
    for disk in status.disks:
        if not disk.enough:
            said = f"only {disk.free_bytes / 1e9:.1f} GB are left for {disk.name}; no jobs are started"
            yield f"disk-{disk.name}", "critical", said
    for worker in status.workers:
        if worker.state == "benched":
            yield f"device-{worker.device}", "warning", f"{worker.device} gets no more jobs for now: {worker.message}"


def _poor(status: Status, live: Sequence[SessionTotals]) -> Iterator[tuple[str, Severity, str]]:
    """The live sessions that do not go well, together for each watch: one microscope has one operator."""
    for watch in status.watches:
        poor = [each for each in live if each.watch == watch.name and each.verdict in ("warn", "bad")]
        if poor:
            said = ". ".join("; ".join([f"{each.session} is {each.verdict}", *each.reasons]) for each in poor)
            severity: Severity = "critical" if any(each.verdict == "bad" for each in poor) else "warning"
            yield f"quality-{watch.name}", severity, said
