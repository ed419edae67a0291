"""What a person asks for: try again, give up, process anew, pause; each recorded before it is answered."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.event_log import EventLog
from livetomo.catalog.registration import record_recipe
from livetomo.catalog.selection import Selection, unknown
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.events import State, state_event
from livetomo.core.tomogram import TomogramId

REPROCESSING = 1


class OperatorRequests:
    """Changes that come from people, not from files or workers. Each returns how many jobs it concerned."""

    def __init__(self, db: Database, event_log: EventLog, *, now: Callable[[], float]) -> None:
        self._db = db
        self._event_log = event_log
        self._now = now

    def unknown(self, selection: Selection) -> str:
        """As `selection.unknown`."""
        return unknown(self._db, selection)

    def retry(self, selection: Selection) -> int:
        """Try failed jobs again, with a clean slate."""
        with self._db.atomic():
            jobs = self._jobs("failed", selection)
            for job in jobs:
                self._db.execute(
                    """UPDATE jobs SET state = 'waiting', turn = turn + 1, attempts = 0, interruptions = 0,
                       not_before = 0, finished_at = NULL WHERE id = ?""",
                    (job["id"],),
                )
                self._record_state(job, "waiting", job["turn"] + 1)
            return len(jobs)

    def failed(self, selection: Selection) -> list[dict[str, Any]]:
        """The jobs that were given up, newest first, each with its fault."""
        shown = ("watch", "session", "name", "number", "attempts", "finished_at", "path", "recipe_name")
        return [
            {key: job[key] for key in shown} | {"fault": json.loads(job["fault"]) if job["fault"] else None}
            for job in reversed(self._jobs("failed", selection))
        ]

    def give_up(self, selection: Selection, state: State = "failed") -> int:
        """Take jobs that are failed (or `waiting`, `running`) off the list; a running one loses its lease."""
        with self._db.atomic():
            jobs = self._jobs(state, selection)
            for job in jobs:
                self._db.execute(
                    "UPDATE jobs SET state = 'cancelled', token = NULL, finished_at = ? WHERE id = ?",
                    (self._now(), job["id"]),
                )
                self._record_state(job, "cancelled", job["turn"])
            return len(jobs)

    def reprocess(self, selection: Selection, recipe_name: str, recipe: Recipe) -> int:
        """Make a job with `recipe` for the newest revision of each tomogram that has none with it yet.

        Not for one that another reconstruction of its tilt series is in force for.
        """
        with self._db.atomic():
            record_recipe(self._db, recipe_name, recipe)
            revisions = self._db.query(
                f"""SELECT revisions.id, number, watch, session, name FROM revisions
                    JOIN tomograms ON tomograms.id = tomogram
                    WHERE number = (SELECT max(number) FROM revisions AS r WHERE r.tomogram = tomograms.id)
                    AND {_FITS} AND NOT EXISTS
                        (SELECT 1 FROM jobs WHERE jobs.revision = revisions.id AND jobs.recipe = :recipe)
                    AND 'superseded' IS NOT
                        (SELECT state FROM jobs WHERE jobs.revision = revisions.id ORDER BY id DESC LIMIT 1)""",
                _values(selection) | {"recipe": recipe.hash},
            )
            made = list(revisions)
            for row in made:
                self._db.execute(
                    "INSERT INTO jobs (queue, revision, recipe, state, urgency) VALUES (?, ?, ?, 'waiting', ?)",
                    (row["watch"], row["id"], recipe.hash, REPROCESSING),
                )
                self._record_state(row | {"recipe": recipe.hash, "recipe_name": recipe_name}, "waiting", 1)
            return len(made)

    def pause(self, paused: bool) -> None:
        """Start no more jobs, or start them again; a restart does not forget it."""
        self._db.execute(
            "INSERT INTO settings (name, value) VALUES ('paused', ?1) ON CONFLICT (name) DO UPDATE SET value = ?1",
            (json.dumps(paused),),
        )

    def is_paused(self) -> bool:
        """Whether jobs are not to be started."""
        row = self._db.execute("SELECT value FROM settings WHERE name = 'paused'").fetchone()
        return row is not None and bool(json.loads(row[0]))

    def _jobs(self, state: State, selection: Selection) -> list[dict[str, Any]]:
        return list(
            self._db.query(
                f"""SELECT jobs.*, number, watch, session, tomograms.name AS name, path, recipes.name AS recipe_name
                    FROM jobs JOIN revisions ON revisions.id = jobs.revision JOIN tomograms ON tomograms.id = tomogram
                    JOIN recipes ON recipes.hash = recipe
                    WHERE state = :state AND {_FITS}
                    AND (:reason IS NULL OR json_extract(fault, '$.reason') = :reason) ORDER BY jobs.id""",
                _values(selection) | {"state": state, "reason": selection.reason},
            )
        )

    def _record_state(self, job: Mapping[str, Any], state: State, turn: int) -> None:
        who = TomogramId(job["watch"], job["session"], job["name"])
        event = state_event(who, job["number"], job["recipe"], state, turn, recipe=job["recipe_name"])
        self._event_log.append(event)


_FITS = """(:watch IS NULL OR watch = :watch) AND (:session IS NULL OR session = :session)
           AND (:name IS NULL OR tomograms.name = :name)"""


def _values(selection: Selection) -> dict[str, Any]:
    return {"watch": selection.watch, "session": selection.session, "name": selection.name}
