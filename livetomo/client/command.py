"""Runs a person's command on what has been collected: one at a time, on a copy that does not change under it."""

import asyncio
import difflib
import logging
import os
import re
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from livetomo.client.local_collection import CollectedSession
from livetomo.core.errors import ConfigurationError
from livetomo.system.end_child import end

log = logging.getLogger(__name__)

GRACE_SECONDS = 30.0

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
        ConfigurationError: it is empty, cannot be split, or has a place that looks like a misspelt one.
    """

    def __init__(self, line: str) -> None:
        try:
            self._words = shlex.split(line)
        except ValueError as fault:
            raise ConfigurationError(f"--run: {line!r} cannot be split into words ({fault})") from None
        if not self._words:
            raise ConfigurationError("--run: the command is empty")
        if os.sep in self._words[0]:
            self._words[0] = str(Path(self._words[0]).absolute())  # ./average.sh: from here, not from the run's folder
        for name in re.findall(r"\{(\w+)\}", line):
            if name not in PLACES and (close := difflib.get_close_matches(name, PLACES, n=1)):
                raise ConfigurationError(f"--run: there is no place {{{name}}}. Did you mean {{{close[0]}}}?")

    async def run(self, session: CollectedSession, watch: str, name: str) -> int:
        """Run it on a copy of what `session` holds now, in a new folder `runs/<number>`; its exit status."""
        folder = copy_of(session).absolute()  # the command runs there, and a path from here would lead it astray
        values = {
            "star": str(folder / session.star.name),
            "folder": str(folder),
            "picks": str(session.count),
            "tomograms": str(len(session.taken)),
            "session": name,
            "watch": watch,
        }
        words = [_PLACE.sub(lambda found: values[found[1]], word) for word in self._words]
        with (folder / "log.txt").open("wb") as out:
            try:
                process = await asyncio.create_subprocess_exec(
                    *words, cwd=folder, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
                )
            except OSError as fault:
                raise ConfigurationError(f"--run: {words[0]} cannot be run ({fault.strerror})") from None
            try:
                status = await process.wait()
            finally:
                await end(process, grace_seconds=GRACE_SECONDS)  # it still runs only if we are asked to stop
        if status != 0:
            log.warning("%s ended with %d; what it said is in %s", words[0], status, folder / "log.txt")
        return status


def copy_of(session: CollectedSession) -> Path:
    """A new folder with the particles file and the tomograms' files as they are now."""
    runs = session.folder / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(run.name) for run in runs.iterdir() if run.name.isdigit()), default=0)
    folder = runs / f"{number:04}"
    folder.mkdir()
    (folder / session.star.name).write_text(session.text(), encoding="utf-8")
    files = [taken.file for taken in session.taken.values() if taken.file]
    if files:
        (folder / "tomograms").mkdir()
    for file in files:
        shutil.copyfile(session.folder / file, folder / file)
    return folder
