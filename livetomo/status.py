"""What the daemon is doing at this moment: one snapshot, told alike on the page, to the broker and as metrics."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from livetomo.events import State


@dataclass(frozen=True, slots=True)
class WatchState:
    """One watch. `message` says in a sentence why it is not scanning well; empty where it is.

    settling: complete or growing files that are not taken yet.
    overflows: how often the kernel dropped hints since the daemon's start; the scan makes up for them.
    """

    name: str
    scanning: bool
    message: str = ""
    last_scan: datetime | None = None
    scan_seconds: float | None = None
    files: int = 0
    settling: int = 0
    overflows: int = 0
    mode: str = ""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """One worker process. `tomogram` and `stage` say what it is at, where it is busy."""

    device: str
    state: Literal["starting", "idle", "busy", "benched"]
    tomogram: str = ""
    stage: str = ""
    since: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class BrokerState:
    """The way to the broker. `error` is the last trouble in a sentence; empty while connected.

    waiting: events that the broker has not acknowledged yet; oldest: when the first of them was recorded.
    """

    configured: bool
    connected: bool = False
    error: str = ""
    waiting: int = 0
    oldest: datetime | None = None


@dataclass(frozen=True, slots=True)
class DiskState:
    """Room on a file system that the daemon writes to. `name`: state or output."""

    name: Literal["state", "output"]
    free_bytes: int
    enough: bool = True


@dataclass(frozen=True, slots=True)
class Status:
    """All of it. `url` is where the page and the API are."""

    site: str
    instance: str
    version: str
    time: datetime
    started: datetime
    url: str = ""
    jobs: Mapping[State, int] = field(default_factory=dict)
    oldest_waiting: datetime | None = None
    paused: bool = False
    watches: tuple[WatchState, ...] = ()
    workers: tuple[WorkerState, ...] = ()
    broker: BrokerState = BrokerState(configured=False)
    disks: tuple[DiskState, ...] = ()

    def problems(self) -> Iterator[str]:
        """What keeps the daemon from doing all its work, one sentence each; nothing where it is ready."""
        for watch in self.watches:
            if not watch.scanning:
                yield f"watch {watch.name}: {watch.message or 'not scanned yet'}"
        if self.broker.configured and not self.broker.connected:
            yield f"broker: {self.broker.error or 'not connected yet'}"
        for disk in self.disks:
            if not disk.enough:
                yield f"disk: only {disk.free_bytes / 1e9:.1f} GB left for {disk.name}"
        if self.workers and all(worker.state == "benched" for worker in self.workers):
            yield f"workers: none can work ({self.workers[0].message})"
