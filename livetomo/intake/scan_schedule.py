"""When to look at what: often where something happens, rarely everywhere, and never for long."""

from collections.abc import Callable

REST_PER_WORK = 50.0
LONGEST_REST = 600.0
MOST_SETTLING_PAUSE = 5.0


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
