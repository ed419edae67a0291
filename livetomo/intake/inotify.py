"""Hints from inotify, through watchdog, kept alive through whatever happens to the root."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyObserver

from livetomo.intake.fs_events import Hints

MORE_WATCHES = "raise it with: sysctl fs.inotify.max_user_watches=1048576"
_MOST_WAITING = 10_000
# Without modifications: a file that grows is looked at again anyway, and frames are written at gigabytes per second.
_EVENTS: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileMovedEvent,
    FileClosedEvent,
]
_LOGGER = logging.getLogger("watchdog.observers")


class KernelHints(Hints):
    """As `Hints`. Watchdog's threads put paths into a set here and nothing else: an error would end them silently."""

    def __init__(self, root: Path, *, wants: Callable[[str], bool], ring: Callable[[], None]) -> None:
        self._root = root
        self._wants = wants
        self._ring = ring
        self._lock = threading.Lock()
        self._waiting: set[tuple[str, bool]] = set()
        self._overflows = 0
        self._observer: BaseObserver | None = None
        self._place: tuple[int, int] | None = None
        self._unwatched = 0
        self._handler = _Handler(self._happened)
        self._overflow_log = _OverflowLog(self._overflowed)
        _LOGGER.addHandler(self._overflow_log)
        try:
            self._start()
        except BaseException:
            _LOGGER.removeHandler(self._overflow_log)
            raise

    @property
    def mode(self) -> str:
        if self._observer is None:
            return "poll (until the root is there)"
        if self._unwatched > 0:
            return f"events (not from {self._unwatched:,} folders, beyond the kernel's limit; {MORE_WATCHES})"
        return "events"

    def take(self) -> list[tuple[str, bool]]:
        with self._lock:
            waiting, self._waiting = self._waiting, set()
        return sorted(waiting)

    def overflows(self) -> int:
        return self._overflows

    def keep_alive(self, folders: int) -> None:
        """As `Hints.keep_alive`: a removed, recreated or remounted root gives no events any more, and no error."""
        observer = self._observer
        alive = observer is not None and observer.is_alive() and all(one.is_alive() for one in observer.emitters)
        if alive and self._place == _place(self._root):
            # Watchdog says nothing of folders that the kernel would not watch for it any more.
            self._unwatched = max(folders - kernel_watches(), 0)
            return
        self._stop()
        try:
            self._start()
        except OSError as error:
            logging.getLogger("livetomo.intake.kernel").debug("no events from %s yet: %s", self._root, error)
            return
        if self._observer is not None:
            self._overflowed()  # what happened in between is known to nobody

    def close(self) -> None:
        _LOGGER.removeHandler(self._overflow_log)
        self._stop()

    def _start(self) -> None:
        place = _place(self._root)
        if place is None:
            return
        observer = InotifyObserver()
        observer.schedule(self._handler, str(self._root), recursive=True, event_filter=_EVENTS)
        observer.start()
        self._observer, self._place = observer, place

    def _stop(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(5)
            self._observer = None

    def _happened(self, path: str, is_folder: bool) -> None:
        relative = os.path.relpath(path, self._root)
        if relative.startswith("..") or not (is_folder or self._wants(os.path.basename(path))):  # noqa: PTH119
            return
        with self._lock:
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.add(("" if relative == "." else relative, is_folder))
            else:
                self._overflows += 1
                self._waiting.clear()
        self._ring()

    def _overflowed(self) -> None:
        with self._lock:
            self._overflows += 1
        self._ring()


class _Handler(FileSystemEventHandler):  # type: ignore[misc, unused-ignore]
    def __init__(self, happened: Callable[[str, bool], None]) -> None:
        self._happened = happened

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Only the place where something is now matters."""
        self._happened(os.fsdecode(event.dest_path or event.src_path), event.is_directory)


class _OverflowLog(logging.Handler):
    """Watchdog reports an overflow of the kernel's queue in its log only."""

    def __init__(self, overflowed: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._overflowed = overflowed

    def emit(self, record: logging.LogRecord) -> None:
        """Once for each overflow, of which watchdog logs two lines."""
        if "events were lost" in record.getMessage():
            self._overflowed()


def kernel_watches(fdinfo: Path = Path("/proc/self/fdinfo")) -> int:
    """How many folders the kernel watches for this process."""
    count = 0
    for file in fdinfo.iterdir():
        try:
            count += file.read_text().count("inotify wd:")
        except OSError:
            continue  # closed since
    return count


def _place(root: Path) -> tuple[int, int] | None:
    try:
        found = root.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
