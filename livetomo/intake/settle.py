"""How long a file has been at rest, by looking again and again; and when to look at what: never for long."""

from collections.abc import Callable
from dataclasses import dataclass

from livetomo.intake.tree import Look

_MOST_LOOKS_PER_SETTLE = 4
_SHORTEST_PAUSE = 0.02
REST_PER_WORK = 50.0
LONGEST_REST = 600.0
MOST_SETTLING_PAUSE = 5.0


@dataclass(slots=True)
class _Rest:
    look: Look
    since: float
    looks: int
    next_look: float


class Settler:
    """Remembers what each file was when it was last looked at.

    A file's time is compared with its own earlier time only: servers' clocks differ, and rsync keeps old times.
    """

    def __init__(self, settle: float, clock: Callable[[], float]) -> None:
        self._settle = settle
        self._clock = clock
        self._files: dict[str, _Rest] = {}

    def observe(self, path: str, look: Look) -> float | None:
        """For how many seconds `path` has been what it is at this look; None when this is the first look at it so."""
        now = self._clock()
        pause = max(self._settle / _MOST_LOOKS_PER_SETTLE, _SHORTEST_PAUSE)
        rest = self._files.get(path)
        if rest is None or rest.look != look:
            self._files[path] = _Rest(look, now, 1, now + pause)
            return None
        rest.looks += 1
        rest.next_look = now + pause
        return now - rest.since

    def is_due(self, path: str) -> bool:
        """Whether it is time to look at `path` again."""
        rest = self._files.get(path)
        return rest is None or self._clock() >= rest.next_look

    def seconds(self, path: str) -> float:
        """For how long `path` has not changed, as far as is known."""
        rest = self._files.get(path)
        return self._clock() - rest.since if rest else 0.0

    def forget(self, path: str) -> None:
        """It is gone, or has been taken."""
        self._files.pop(path, None)


class Rhythm:
    """Hot folders every `rescan` seconds; the whole tree as often, or more rarely the longer it takes."""

    def __init__(self, settle: float, rescan: float, clock: Callable[[], float]) -> None:
        self._rescan = rescan
        self._look_pause = min(max(settle / 8, 0.02), MOST_SETTLING_PAUSE)
        self._clock = clock
        self._next_scan = self._next_hot = self._next_look = clock()

    def scan_is_due(self) -> bool:
        """Whether to look at everything."""
        return self._clock() >= self._next_scan

    def hot_is_due(self) -> bool:
        """Whether to look at the folders where something happened lately."""
        return self._clock() >= self._next_hot

    def look_is_due(self) -> bool:
        """Whether to look at the files that settle."""
        return self._clock() >= self._next_look

    def scanned(self, seconds: float, *, completed: bool) -> None:
        """A whole scan took so long."""
        rest = min(REST_PER_WORK * seconds, LONGEST_REST) if completed else 0.0
        self._next_hot = self._clock() + self._rescan
        self._next_scan = self._clock() + max(self._rescan, rest)

    def scanned_hot(self, seconds: float) -> None:
        """A look at the hot folders took so long."""
        self._next_hot = self._clock() + max(self._rescan, min(REST_PER_WORK * seconds, LONGEST_REST))

    def looked(self) -> None:
        """The settling files have been looked at."""
        self._next_look = self._clock() + self._look_pause

    def scan_now(self) -> None:
        """News was lost."""
        self._next_scan = min(self._next_scan, self._clock())

    def pause(self, *, settling: bool) -> float:
        """For how many seconds there is nothing to do."""
        times = [self._next_scan, self._next_hot, *([self._next_look] if settling else [])]
        return max(min(times) - self._clock(), 0.0)
