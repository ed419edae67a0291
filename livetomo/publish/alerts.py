"""What a person should look at, retained at the broker while it holds, and cleared by itself when it no longer does."""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

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

    def show(self, status: Status) -> None:
        """Tell what holds now, and take back what held before; at first, whatever an earlier run may have left."""
        possible, holding = set(_names(status)), {name: told for name, *told in _holding(status)}
        earlier = self._since if self._since is not None else dict.fromkeys(possible, status.time)
        self._since = {name: earlier.get(name, status.time) for name in holding}
        for name in sorted(earlier.keys() - holding.keys()):
            self._retained.clear(self._topics.alert(name))
        for name, (severity, message) in holding.items():
            body = {"name": name, "since": self._since[name], "severity": severity, "message": message}
            self._retained.put(self._topics.alert(name), AlertTold.model_validate(body).payload())


def _names(status: Status) -> Iterator[str]:
    """Every alert that there can be."""
    yield from (f"watch-{watch.name}" for watch in status.watches)
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
