"""The daemon's log: sentences on a terminal, lines of JSON elsewhere; a fault that repeats itself fills no disk."""

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from livetomo.system.log_pipe import LogPipe

_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
WINDOW_SECONDS = 60.0
MOST_IN_A_WINDOW = 20
MOST_KINDS = 500
_DIGITS = re.compile(r"\d+")


def set_up_logging(level: str = "INFO", *, as_json: bool | None = None) -> None:
    """Log to standard error; `as_json` is decided by whether that is a terminal where it is not given."""
    _keep_standard_descriptors()
    handler = _handler()
    plain = (sys.stderr is not None and sys.stderr.isatty()) if as_json is None else not as_json
    handler.setFormatter(PlainFormatter() if plain else JsonFormatter())
    handler.addFilter(Throttle(handler.emit))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _handler() -> logging.Handler:
    """To standard error; what stands in its place and is no file, as in a test, is written to as it is."""
    if sys.stderr is None:
        return logging.NullHandler()
    try:
        return LogPipe(sys.stderr.fileno())
    except OSError:  # io.UnsupportedOperation is one
        return logging.StreamHandler()


def _keep_standard_descriptors() -> None:
    """Have 0, 1 and 2 open: who was started without them would write its log into the next file that it opens."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def extras(record: logging.LogRecord) -> dict[str, Any]:
    """What the call said beyond its sentence: `log.info("done", extra={"tomogram": …})`."""
    return {key: value for key, value in vars(record).items() if key not in _OWN}


class JsonFormatter(logging.Formatter):
    """One line of JSON: time, level, logger, message, what else was said, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        } | extras(record)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class PlainFormatter(logging.Formatter):
    """A line for people: time, level where it is not just information, the sentence, and what else was said."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        more = "  ".join(f"{key}={value}" for key, value in extras(record).items())
        line = f"{self.formatTime(record, '%H:%M:%S')}  {level}{record.getMessage()}  {more}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


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
