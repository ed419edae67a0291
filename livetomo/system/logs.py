"""The daemon's log: sentences on a terminal, one line of JSON each everywhere else."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from livetomo.system.log_pipe import LogPipe
from livetomo.system.log_throttle import Throttle

_OWN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


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
        """The line."""
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
        """The line."""
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        more = "  ".join(f"{key}={value}" for key, value in extras(record).items())
        line = f"{self.formatTime(record, '%H:%M:%S')}  {level}{record.getMessage()}  {more}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
