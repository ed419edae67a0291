"""How each watch does by its last files and jobs: what fails lately, and how often a new file comes."""

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import TypeVar

from sqlite_utils import Database

from livetomo.core.status import WatchHealth

T = TypeVar("T")

LAST_JOBS = 20
LAST_FILES = 21
LATELY_SECONDS = 24 * 3600.0
_FEWEST_GAPS = 5
# The last rows of all watches are looked at, by their numbers, so that the question costs the same in every catalog.
_JOBS, _FILES = 2000, 1000
_AHEAD_SECONDS = 60.0


class Health:
    """Answers for all watches at once."""

    def __init__(self, db: Database, *, now: Callable[[], float]) -> None:
        self._db = db
        self._now = now

    def of_watches(self) -> dict[str, WatchHealth]:
        """By the watch's name; a watch that nothing has come from yet is not among them."""
        ended, written = self._ended(), self._written()
        return {
            watch: self._health(ended.get(watch, ()), written.get(watch, ())) for watch in sorted({*ended, *written})
        }

    def _health(self, ended: Sequence[tuple[str, int]], written: Sequence[float]) -> WatchHealth:
        states = [state for state, _ in ended]
        failed = [job for state, job in ended[:LAST_JOBS] if state == "failed"]
        gaps = [later - earlier for later, earlier in pairwise(written[:LAST_FILES])]
        return WatchHealth(
            consecutive_failures=states.index("done") if "done" in states else len(states),
            ended=len(states[:LAST_JOBS]),
            failed=len(failed),
            reason=self._reason(failed),
            last_file=datetime.fromtimestamp(written[0], UTC) if written else None,
            usual_interval_seconds=round(statistics.median(gaps), 1) if len(gaps) >= _FEWEST_GAPS else None,
        )

    def _ended(self) -> dict[str, list[tuple[str, int]]]:
        """(state, number) of the jobs that came to an end lately, the last first."""
        rows = self._db.execute(
            """SELECT queue, state, id FROM jobs
               WHERE id > (SELECT max(id) FROM jobs) - ? AND state IN ('done', 'failed') AND finished_at > ?
               ORDER BY finished_at DESC, id DESC""",
            (_JOBS, self._now() - LATELY_SECONDS),
        )
        return _grouped((watch, (state, job)) for watch, state, job in rows.fetchall())

    def _reason(self, jobs: Sequence[int]) -> str:
        """Why most of these jobs failed. Asked of few: each fault has to be parsed."""
        faults = self._db.execute(
            """SELECT json_extract(fault, '$.reason') AS reason FROM jobs
               WHERE id IN (SELECT value FROM json_each(?)) GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 1""",
            (json.dumps(jobs),),
        ).fetchone()
        return str(faults[0] or "") if faults else ""

    def _written(self) -> dict[str, list[float]]:
        """When the last files were written (seconds since 1970), the last first; a time to come is none."""
        rows = self._db.execute(
            """SELECT watch, modified_ns FROM revisions JOIN tomograms ON tomograms.id = tomogram
               WHERE revisions.id > (SELECT max(id) FROM revisions) - ? AND modified_ns BETWEEN 1 AND ?
               ORDER BY modified_ns DESC""",
            (_FILES, int((self._now() + _AHEAD_SECONDS) * 1e9)),
        )
        return _grouped((watch, modified_ns / 1e9) for watch, modified_ns in rows.fetchall())


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for watch, value in pairs:
        groups.setdefault(watch, []).append(value)
    return groups
