"""The kernel's news of a tree, through watchdog: hints that make the watcher look sooner, and nothing more."""

import errno
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from livetomo.system.mounts import file_system

KEEP_ALIVE_SECONDS = 10.0

log = logging.getLogger("livetomo.intake.hints")


class Hints:
    """Where hints come from. These give none, for the reason `why`: polling, there is only the scan."""

    def __init__(self, why: str = "") -> None:
        self._why = why

    @property
    def mode(self) -> str:
        """`events` or `poll`, and why."""
        return f"poll ({self._why})" if self._why else "poll"

    def take(self) -> list[tuple[str, bool]]:
        """What happened since the last call: (path relative to the root, whether it is a folder)."""
        return []

    def overflows(self) -> int:
        """How often news was lost, so that only a whole scan shows what changed."""
        return 0

    def keep_alive(self, folders: int) -> None:
        """See to it that news still comes, from as many folders as there are; to be called now and then."""

    def close(self) -> None:
        """No more of it."""


def open_hints(root: Path, mode: str, *, wants: Callable[[str], bool], ring: Callable[[], None]) -> Hints:
    """Hints for the tree at `root`, where its file system gives any.

    wants: whether news of a file of this name is of use. ring: called, from another thread, when there is news.
    """
    mount = file_system(root)
    if mode == "poll":
        return Hints()
    if mode == "auto" and mount.is_network:
        return Hints(f"{mount.kind} reports nothing of what other machines write")
    from livetomo.intake.inotify import KernelHints

    try:
        return KernelHints(root, wants=wants, ring=ring)
    except OSError as error:
        why = _advice(error)
        log.warning("no events from %s: %s", root, why)
        return Hints(why)


def _advice(error: OSError) -> str:
    match error.errno:
        case errno.ENOSPC:
            return "too many folders for the kernel's limit; raise it with: sysctl fs.inotify.max_user_watches=1048576"
        case errno.EMFILE:
            return "too many watchers for the kernel's limit; raise it with: sysctl fs.inotify.max_user_instances=1024"
    return f"events are not to be had: {error.strerror or error}"


class HintKeeper(threading.Thread):
    """Opens `hints` and keeps them alive, in a thread of its own: a large tree takes long, a hung one for ever."""

    def __init__(
        self,
        root: Path,
        mode: str,
        *,
        wants: Callable[[str], bool],
        ring: Callable[[], None],
        folders: Callable[[], int] = lambda: 0,
        pause: float = KEEP_ALIVE_SECONDS,
    ) -> None:
        super().__init__(name="hints", daemon=True)
        self._open: Callable[[], Hints] = lambda: open_hints(root, mode, wants=wants, ring=ring)
        self._folders = folders
        self._pause = pause
        self.hints: Hints = Hints()

    def run(self) -> None:
        """For as long as the process lives."""
        self.hints = self._open()
        while True:
            time.sleep(self._pause)
            self.hints.keep_alive(self._folders())
