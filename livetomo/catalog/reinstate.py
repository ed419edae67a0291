"""An earlier recipe's results are put in force again: nothing is computed; consumers hear of them as of new ones."""

from collections.abc import Callable, Mapping
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.event_log import EventLog
from livetomo.catalog.exclusions import Exclusions
from livetomo.catalog.selection import Selection
from livetomo.catalog.supersede import STANDING_JOBS, supersede
from livetomo.core.errors import Refused
from livetomo.core.events import state_event
from livetomo.core.tomogram import TomogramId

_OF_RECIPE = """
    SELECT jobs.id, jobs.turn, jobs.recipe, number, watch, session, tomograms.name, tomograms.id AS tomogram,
           recipes.name AS recipe_name, result_id
    FROM tomograms JOIN revisions ON tomogram = tomograms.id
        AND number = (SELECT max(number) FROM revisions AS r WHERE r.tomogram = tomograms.id)
    JOIN jobs ON jobs.revision = revisions.id JOIN results ON job = jobs.id JOIN recipes ON hash = jobs.recipe
    WHERE (:watch IS NULL OR watch = :watch) AND session = :session AND (:name IS NULL OR tomograms.name = :name)
"""


class Reinstatements:
    """Each tomogram's change is recorded with its events in one transaction, and a restart does not forget it."""

    def __init__(self, db: Database, event_log: EventLog, exclusions: Exclusions, *, now: Callable[[], float]) -> None:
        self._db = db
        self._event_log = event_log
        self._exclusions = exclusions
        self._now = now

    def reinstate(self, selection: Selection, recipe: str) -> int:
        """Put the results of a recipe, by its name or the beginning of its hash, in force again; how many they were.

        Raises:
            Refused: no result, or the results of several recipes are meant.
        """
        rows = self._of_recipe(selection, recipe)
        done = 0
        for row in rows:
            with self._db.atomic():
                done += self._put_in_force(row)
        return done

    def set_aside(self, watch: str, session: str) -> list[str]:
        """The ids of results that later ones took the place of, or that earlier ones took it back from.

        Of tomograms that have another result in force, at their newest revision.
        """
        rows = self._db.execute(
            """SELECT result_id FROM tomograms JOIN revisions ON tomogram = tomograms.id
               CROSS JOIN jobs ON jobs.revision = revisions.id AND +state = 'superseded' JOIN results ON job = jobs.id
               WHERE watch = ? AND session = ? AND EXISTS
                   (SELECT 1 FROM jobs AS other WHERE other.revision = jobs.revision AND other.state = 'done')
               ORDER BY result_id""",
            (watch, session),
        )
        return [result_id for (result_id,) in rows.fetchall()]

    def _of_recipe(self, selection: Selection, recipe: str) -> list[dict[str, Any]]:
        values = {"watch": selection.watch, "session": selection.session, "name": selection.name}
        found = list(self._db.query(_OF_RECIPE, values))
        meant = [row for row in found if row["recipe_name"] == recipe or row["recipe"].startswith(recipe)]
        hashes = {row["recipe"] for row in meant}
        if len(hashes) == 1:
            return meant
        of_each: dict[str, int] = {}
        for row in meant or found:
            said = f"{row['recipe_name']} ({row['recipe'][:8]})"
            of_each[said] = of_each.get(said, 0) + 1
        known = ", ".join(f"{said} with {number}" for said, number in sorted(of_each.items())) or "none"
        if hashes:
            raise Refused(f"several recipes are meant by {recipe!r}: {known} results; give the beginning of one's hash")
        raise Refused(f"there are no results of a recipe {recipe!r}; there are those of {known}")

    def _put_in_force(self, row: Mapping[str, Any]) -> bool:
        """Whether it was not in force. Its job becomes the tomogram's newest: the newest that has a result stands."""
        who = TomogramId(row["watch"], row["session"], row["name"])
        standing = list(self._db.query(f"{STANDING_JOBS} WHERE tomogram = ? ORDER BY jobs.id", (row["tomogram"],)))
        done = [job for job in standing if job["state"] == "done"]
        if not done or any(job["id"] == row["id"] for job in done):
            return False  # it is in force, or nothing is: another reconstruction of the series, say
        for other in done:
            supersede(self._db, self._event_log, who, other, f"the result of {row['recipe_name']} is in force again")
        self._db.execute("PRAGMA defer_foreign_keys = ON")
        (newest,) = self._db.execute("SELECT max(id) + 1 FROM jobs").fetchone()
        self._db.execute(
            "UPDATE jobs SET id = ?, state = 'done', turn = turn + 1, finished_at = ? WHERE id = ?",
            (newest, self._now(), row["id"]),
        )
        self._db.execute("UPDATE results SET job = ? WHERE job = ?", (newest, row["id"]))
        turn = row["turn"] + 1
        self._exclusions.publish_again(who, f"again{turn}")
        recorded = state_event(who, row["number"], row["recipe"], "done", turn, recipe=row["recipe_name"])
        self._event_log.append(recorded)
        return True
