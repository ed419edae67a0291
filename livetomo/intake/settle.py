"""How long a file has been at rest, by looking at it again and again."""

from collections.abc import Callable
from dataclasses import dataclass

from livetomo.intake.tree import Look

_MOST_LOOKS_PER_SETTLE = 4
_SHORTEST_PAUSE = 0.02


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
