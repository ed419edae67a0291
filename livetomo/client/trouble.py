"""What does not work at the moment is tried again, and said: once for each cause, and when it is over."""

import errno
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

log = logging.getLogger("livetomo.client.follow")

RETRY_SECONDS = 5.0
T = TypeVar("T")


class Trouble:
    """One thing that may fail for a while. `what`: what waits for it, as the beginning of a sentence."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._cause = ""

    def say(self, cause: str) -> None:
        """It does not work, for this cause."""
        if cause != self._cause:
            log.warning("%s. %s waits, and goes on by itself.", cause, self._what)
        self._cause = cause

    def over(self) -> None:
        """It works."""
        if self._cause:
            log.warning("%s goes on.", self._what)
        self._cause = ""


def cause_of(fault: OSError, folder: Path) -> str:
    """What is wrong with a disk, and what to do."""
    if fault.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"No room is left on the disk that holds {folder} ({fault.strerror}). Free some space"
    return f"{fault.filename or folder} cannot be written ({fault.strerror or fault})"


async def patiently(
    deed: Callable[[], T], trouble: Trouble, folder: Path, pause: Callable[[float], Awaitable[object]]
) -> T:
    """What `deed`, which writes to `folder`, returns, however long there is no room for it."""
    has_failed = False
    while True:
        try:
            done = deed()
        except OSError as fault:
            has_failed = True
            trouble.say(cause_of(fault, folder))
            await pause(RETRY_SECONDS)
        else:
            if has_failed:
                trouble.over()
            return done
