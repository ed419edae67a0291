"""What the daemon is doing at this moment: one snapshot, the same on the page, at the broker and as metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from livetomo.core.events import State
from livetomo.core.problems import Problem


@dataclass(frozen=True, slots=True)
class WatchHealth:
    """How a watch does by its last files and jobs.

    consecutive_failures:   tomograms that failed one after the other, up to the last one.
    ended, failed:          the last tomograms that came to an end (20 at most, within a day); how many of these failed.
    reason:                 why most of these failed, like "truncated volume"; empty where none did.
    last_file:              when the newest file was written, by its own time.
    usual_interval_seconds: the median time between its last files; None while there are few.
    """

    consecutive_failures: int = 0
    ended: int = 0
    failed: int = 0
    reason: str = ""
    last_file: datetime | None = None
    usual_interval_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class WatchState:
    """One watch. `message` says in a sentence why it is not scanning well; empty where it is.

    starting: its first scan since the daemon's start is not done yet, and nothing is wrong so far.
    files, candidates: names seen by the last scan, and those of them that are tomograms by their names.
    settling: complete or growing files that are not taken yet.
    overflows: how often the kernel dropped hints since the daemon's start; the scan makes up for them.
    """

    name: str
    scanning: bool
    message: str = ""
    starting: bool = False
    last_scan: datetime | None = None
    scan_seconds: float | None = None
    files: int = 0
    candidates: int = 0
    settling: int = 0
    overflows: int = 0
    mode: str = ""
    health: WatchHealth = WatchHealth()


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
    """Whether the daemon can write there. `name`: state or output; `message` says why not, where room is not it."""

    name: Literal["state", "output"]
    free_bytes: int
    enough: bool = True
    message: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """All of it. `url` is where the page and the API are; `problems` is all that is wrong, critical things first.

    epoch: of the events' numbers. While the catalog is in trouble, this is what it said before that.
    """

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
    problems: tuple[Problem, ...] = ()
    epoch: str = ""

    @property
    def ready(self) -> bool:
        """Whether nothing keeps the daemon from doing all its work."""
        return not any(problem.blocks_ready for problem in self.problems)
