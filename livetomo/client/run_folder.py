"""The folders that a session's command runs in: a copy that does not change, and a mark while the command runs."""

import fcntl
import json
import logging
import shutil
from pathlib import Path

from livetomo.client.collected_session import CollectedSession
from livetomo.client.command import LOG, RUNNING
from livetomo.curation.dropped import by_reason

CURATED = "curated.json"
"""In the folder of a run: what rules of curation have left out, by reason, as `livetomo picks --json` has it."""

log = logging.getLogger(__name__)


def copy_of(session: CollectedSession) -> Path:
    """A new folder with the particles file and the tomograms' files as they are now.

    Raises:
        OSError: it cannot be written; nothing of it is left.
    """
    runs = session.folder / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    folder = runs / f"{_last(runs) + 1:04}"
    try:
        folder.mkdir()
        (folder / session.star.name).write_text(session.text(), encoding="utf-8")
        if session.curated():
            (folder / CURATED).write_text(json.dumps(by_reason(session.curated()), ensure_ascii=False, indent=1) + "\n")
        files = [taken.file for taken in session.taken.values() if taken.file]
        if files:
            (folder / "tomograms").mkdir()
        for file in files:
            if (session.folder / file).exists():
                shutil.copyfile(session.folder / file, folder / file)
            else:
                log.error("%s is gone: the command does without it", session.folder / file)
        for name in (LOG, RUNNING):  # now: a disk that is full later does not keep the command from running
            (folder / name).touch()
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def still_running(session: CollectedSession) -> Path | None:
    """The folder of the last run, if its command still runs, though the follower that started it has ended."""
    runs = session.folder / "runs"
    folder = runs / f"{_last(runs):04}" if runs.is_dir() else runs
    try:
        with (folder / RUNNING).open("rb") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return folder
    return None


def _last(runs: Path) -> int:
    """The number of the last run; 0: there was none."""
    return max((int(run.name) for run in runs.iterdir() if run.name.isdigit()), default=0)
