"""A fault that repeats itself fills no disk: after some of its lines, the log says how many more there were."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_SECONDS = 60.0
MOST_IN_A_WINDOW = 20
MOST_KINDS = 500
_DIGITS = re.compile(r"\d+")


@dataclass(slots=True)
class _Kind:
    """One kind of line: since when it is counted, how many there were, and the last that was left out."""

    since: float
    lines: int = 0
    last: logging.LogRecord | None = None


class Throttle(logging.Filter):
    """Lets through the first lines of each kind in a minute; warnings and errors alone are counted.

    Two lines are of one kind when they differ in digits alone: in the number of a job, a tomogram or a second.
    """

    def __init__(self, emit: Callable[[logging.LogRecord], None], clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._emit = emit
        self._clock = clock
        self._kinds: dict[tuple[str, int, str], _Kind] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is to be written; what was left out of earlier ones is written first."""
        now = self._clock()
        self._close(now)
        if record.levelno < logging.WARNING:
            return True
        key = (record.name, record.levelno, _DIGITS.sub("0", record.getMessage()))
        kind = self._kinds.setdefault(key, _Kind(now))
        kind.lines += 1
        if kind.lines <= MOST_IN_A_WINDOW:
            return True
        kind.last = record
        return False

    def _close(self, now: float) -> None:
        """End the windows that are over, and the oldest where there are too many."""
        over = [key for key, kind in self._kinds.items() if now - kind.since >= WINDOW_SECONDS]
        for key in over or list(self._kinds)[: max(0, len(self._kinds) - MOST_KINDS)]:
            kind = self._kinds.pop(key)
            if kind.last is not None:
                kind.last.msg = f"{kind.last.getMessage()} [and {kind.lines - MOST_IN_A_WINDOW - 1:,} more like it]"
                kind.last.args = None
                self._emit(kind.last)
