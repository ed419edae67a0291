"""Writes the log; if its reader stops, goes away or lets the disk fill up, the daemon does not wait."""

import logging
import os
import select
import threading
import time
from collections import deque

# After poll has said that there is room, so much can be written to a pipe without waiting (pipe(7)).
_CHUNK_BYTES = select.PIPE_BUF
_MOST_LINES = 5000
_LAST_SECONDS = 2.0


class LogPipe(logging.Handler):
    """Lines to a file descriptor. What cannot be written now waits, up to a number of lines; what never can is dropped.

    How many lines were dropped is said as soon as one can be written again.
    """

    def __init__(self, descriptor: int, *, most_lines: int = _MOST_LINES) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._most_lines = most_lines
        self._waiting: deque[bytes] = deque()
        self._lost = 0  # lines since the last notice of such
        self._noticed = 0  # lines that the waiting notice counts
        self._is_partly_written = False  # the first of those that wait
        self._is_torn = False  # the last line that was written has no end
        self._later: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, or keep it for later."""
        if len(self._waiting) < self._most_lines:
            self._waiting.append(self.format(record).encode(errors="backslashreplace") + b"\n")
        else:
            self._lost += 1
        self._write()
        if self._waiting and self._later is None:
            self._later = threading.Thread(target=self._write_later, name="log", daemon=True)
            self._later.start()

    def flush(self) -> None:
        """Wait a moment for what is to be written; called at the end of the program."""
        until = time.monotonic() + _LAST_SECONDS
        while self._waiting and (left := until - time.monotonic()) > 0:
            if self._has_room(left):
                with self.lock:  # type: ignore[union-attr]
                    self._write()

    def _write_later(self) -> None:
        while True:
            self._has_room(None)
            with self.lock:  # type: ignore[union-attr]
                self._write()
                if not self._waiting:
                    self._later = None
                    return
            time.sleep(0.005)  # another's lines may have taken the room meanwhile

    def _has_room(self, seconds: float | None) -> bool:
        """Whether something can be written, or fails at once, within so many seconds; None: however long it takes."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    def _write(self) -> None:
        """All that can be written without waiting."""
        while self._waiting and self._has_room(0):
            if self._lost and not self._is_partly_written:
                self._waiting.appendleft(self._notice())
                self._noticed, self._lost = self._noticed + self._lost, 0
            line = self._waiting[0]
            try:
                written = os.write(self._descriptor, line[:_CHUNK_BYTES])
            except BlockingIOError:
                return
            except OSError:  # nobody reads any more, or the disk is full: so it is for all that waits
                self._lost += self._noticed + len(self._waiting) - (self._noticed > 0)
                self._is_torn |= self._is_partly_written
                self._is_partly_written, self._noticed = False, 0
                self._waiting.clear()
                return
            self._is_torn, self._is_partly_written = False, written < len(line)
            if self._is_partly_written:
                self._waiting[0] = line[written:]
            else:
                self._waiting.popleft()
                self._noticed = 0

    def _notice(self) -> bytes:
        said = f"{self._lost:,} lines of the log could not be written"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, said, None, None)
        return (b"\n" if self._is_torn else b"") + self.format(record).encode() + b"\n"
