"""The child's side of `json_pipes`, apart from it: a child is there sooner without asyncio."""

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from typing import Any, TextIO

from livetomo.system.parent_death import end_with_parent

Message = Mapping[str, Any]


class Parent:
    """The child's side. Make one before anything else can print; iterating yields what the parent says."""

    def __init__(self) -> None:
        end_with_parent(signal.SIGKILL)()
        self._out: TextIO = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        if isinstance(sys.stdout, TextIOWrapper):  # chatter is for the log now, at once, not when a buffer is full
            sys.stdout.reconfigure(line_buffering=True)
        self._lock = threading.Lock()

    def send(self, message: Message) -> None:
        """Send the parent a message, from any thread; a parent that is gone ends this process."""
        line = json.dumps(message)
        try:
            with self._lock:
                self._out.write(line + "\n")
                self._out.flush()
        except OSError:
            os._exit(0)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """What the parent says, until it is gone."""
        for line in sys.stdin:
            yield json.loads(line)
