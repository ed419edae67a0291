"""A person's command: checked when the follower starts, run without a shell."""

import asyncio
import difflib
import fcntl
import logging
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from livetomo.core.errors import ConfigurationError
from livetomo.system.end_child import end

log = logging.getLogger(__name__)

GRACE_SECONDS = 30.0
CANNOT_BE_RUN = 127
LOG = "log.txt"
RUNNING = ".running"
"""In the folder of a run: the command holds it, so that one that outlives its follower is known by the next."""

PLACES = ("star", "folder", "picks", "tomograms", "session", "watch")
_PLACE = re.compile(r"\{(" + "|".join(PLACES) + r")\}")


@dataclass(frozen=True, slots=True)
class Every:
    """How much must be new before the command is run again; whichever comes first."""

    picks: int | None = None
    tomograms: int | None = None

    def is_due(self, new_picks: int, new_tomograms: int) -> bool:
        """Whether that much is new; where nothing is said, any tomogram is enough."""
        if self.picks is None and self.tomograms is None:
            return new_tomograms >= 1
        by_picks = self.picks is not None and new_picks >= self.picks
        return by_picks or (self.tomograms is not None and new_tomograms >= self.tomograms)


class Command:
    """A command line with places like {star}, split as a shell would, but run without one; other braces stay.

    Raises:
        ConfigurationError: it is empty, cannot be split, has a place that looks like a misspelt one, or names a program
            that is not there.
    """

    def __init__(self, line: str) -> None:
        try:
            self._words = shlex.split(line)
        except ValueError as fault:
            raise ConfigurationError(f"--run: {line!r} cannot be split into words ({fault})") from None
        if not self._words:
            raise ConfigurationError("--run: the command is empty")
        for name in re.findall(r"\{(\w+)\}", line):
            if name not in PLACES and (close := difflib.get_close_matches(name, PLACES, n=1)):
                raise ConfigurationError(f"--run: there is no place {{{name}}}. Did you mean {{{close[0]}}}?")
        if not _PLACE.search(self._words[0]):
            self._words[0] = _program(self._words[0])

    async def run(self, folder: Path, values: Mapping[str, str]) -> int:
        """Run it in `folder`, with these values in its places; its exit status, or 127 where it cannot be run.

        What it says goes to `log.txt` there.
        """
        words = [_PLACE.sub(lambda found: values[found[1]], word) for word in self._words]
        try:
            process = await _started(words, folder)
        except OSError as fault:
            log.error("--run: %s cannot be run in %s (%s)", words[0], folder, fault.strerror)
            return CANNOT_BE_RUN
        try:
            status = await process.wait()
        finally:
            await end(process, grace_seconds=GRACE_SECONDS)  # it still runs only if we are asked to stop
        if status != 0:
            log.warning("%s ended with %d; what it said is in %s", words[0], status, folder / LOG)
        return status


async def _started(words: Sequence[str], folder: Path) -> asyncio.subprocess.Process:
    """The command, which alone holds its mark from now on."""
    with (folder / LOG).open("wb") as out, (folder / RUNNING).open("wb") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        return await asyncio.create_subprocess_exec(
            *words,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            pass_fds=(mark.fileno(),),
        )


def _program(word: str) -> str:
    """Where the program lies; one that is named by a path is so from here, not from the folder of a run."""
    path = str(Path(word).absolute()) if os.sep in word else word
    if (found := shutil.which(path)) is not None:
        return found
    if Path(path).is_file():
        raise ConfigurationError(f"--run: {word} is not executable. Make it so: chmod +x {word}")
    where = "there is no such file" if os.sep in word else "no folder in PATH has a program of this name"
    raise ConfigurationError(f"--run: {word} cannot be run: {where}. Is it spelt right?")
