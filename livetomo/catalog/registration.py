"""From what arrives to what is to be done: tomograms, their revisions, and the one job that each of these gets."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.event_log import EventLog
from livetomo.catalog.in_force import settle_series
from livetomo.catalog.sessions import Sessions
from livetomo.catalog.supersede import STANDING_JOBS, supersede
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.events import State, state_event
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import Arrival, Content, Fault, KnownFile, TomogramId, companions_digest


@dataclass(frozen=True, slots=True)
class Registered:
    """What became of an arrival: who it is, which revision, whether that is news, and what a person should know.

    learned: it is a known revision, of which its sidecars or halves say something else by now. has_moved: its file is
    at another path by now.
    """

    tomogram: TomogramId
    revision: int
    new: bool
    learned: bool = False
    has_moved: bool = False
    warning: str = ""


class Arrivals:
    """Takes arrivals in, and remembers them across restarts."""

    def __init__(self, db: Database, event_log: EventLog, sessions: Sessions, *, now: Callable[[], float]) -> None:
        self._db = db
        self._event_log = event_log
        self._sessions = sessions
        self._now = now

    def take(self, arrival: Arrival, recipe_name: str, recipe: Recipe) -> Registered:
        """Record `arrival` and make its job, once: the same content again is nothing new.

        New content of a known file is a new revision, and supersedes the older ones as soon as it is usable.
        """
        with self._db.atomic():
            self._db.execute(
                "DELETE FROM left_alone WHERE watch = ? AND path = ?", (arrival.tomogram.watch, arrival.path)
            )
            has_moved = self._move(arrival)
            tomogram_row, tomogram, warning = self._tomogram(arrival)
            latest = self._latest_revision(tomogram_row)
            if not has_moved:  # a session that is put away is not live again
                self._sessions.touch(tomogram.watch, tomogram.session)
            if latest is not None and _same_content(latest, arrival.content):
                self._learn(latest["id"], arrival)
                recorded = _recorded_digest(latest)
                learned = recorded != companions_digest(arrival.halves, arrival.facts)
                if learned:
                    settle_series(self._db, self._event_log, tomogram, arrival.facts)
                return Registered(tomogram, latest["number"], new=False, learned=learned, has_moved=has_moved)
            number = latest["number"] + 1 if latest else 1
            if arrival.fault is None:
                self._supersede(tomogram_row, tomogram)
            self._make_job(arrival, self._revision(tomogram_row, number, arrival, warning), recipe_name, recipe)
            state: State = "failed" if arrival.fault else "waiting"
            said = fault_body(arrival.fault)
            self._event_log.append(state_event(tomogram, number, recipe.hash, state, recipe=recipe_name, **said))
            return Registered(tomogram, number, new=True, warning=warning)

    def known_files(self, watch: str) -> list[KnownFile]:
        """Every file of `watch` that has been dealt with: what was left alone, and the newest content taken."""
        left = self._db.query(
            "SELECT path, size, modified_ns, inode, copy_of FROM left_alone WHERE watch = ?", (watch,)
        )
        taken = self._db.query(
            """SELECT path, size, modified_ns, digest, halves, metadata
               FROM revisions JOIN tomograms ON tomograms.id = tomogram
               WHERE watch = ? AND number = (SELECT max(number) FROM revisions AS r WHERE r.tomogram = tomograms.id)
               ORDER BY revisions.id""",
            (watch,),
        )
        known = [
            KnownFile(row["path"], Content(row["size"], row["modified_ns"], ""), "", row["inode"], row["copy_of"])
            for row in left
        ]
        for row in taken:
            content = Content(row["size"], row["modified_ns"], row["digest"])
            news = _recorded_digest(row)
            known.append(KnownFile(row["path"], content, news))
        return known

    def is_first_start(self, watch: str) -> bool:
        """Whether `watch` has never completed a scan."""
        row = self._db.execute("SELECT first_scan_at FROM watches WHERE name = ?", (watch,)).fetchone()
        return row is None or row[0] is None

    def leave_alone(self, watch: str, files: Iterable[KnownFile]) -> None:
        """Remember that `watch` has been scanned for the first time, and `files` as older than it."""
        with self._db.atomic():
            self._db.execute(
                """INSERT INTO watches (name, first_scan_at) VALUES (?1, ?2)
                   ON CONFLICT (name) DO UPDATE SET first_scan_at = coalesce(first_scan_at, ?2)""",
                (watch, self._now()),
            )
            self._db.conn.executemany(
                """INSERT OR REPLACE INTO left_alone (watch, path, size, modified_ns, inode, copy_of)
                   VALUES (?, ?, ?, ?, ?, ?)""",
                [
                    (watch, file.path, file.content.size, file.content.modified_ns, file.inode, file.copy_of)
                    for file in files
                ],
            )

    def forget_mount(self, watch: str) -> int:
        """Have the watch's root be what is there at its next start; 0 where nothing was known of it."""
        return len(
            self._db.execute(
                "UPDATE left_alone SET modified_ns = 0 WHERE watch = ? AND path = '.' RETURNING path", (watch,)
            ).fetchall()
        )

    def _move(self, arrival: Arrival) -> bool:
        """A tomogram's file is at another path by now: it stays what it is; whether that is so."""
        if not arrival.moved_from or self._row_at(arrival.tomogram.watch, arrival.path):
            return False
        row = self._row_at(arrival.tomogram.watch, arrival.moved_from)
        latest = self._latest_revision(row) if row else None
        if row is None or latest is None or not _same_content(latest, arrival.content):
            return False
        self._db.execute(
            "UPDATE tomograms SET path = ?, producer = ? WHERE id = ?", (arrival.path, arrival.producer, row)
        )
        return True

    def _row_at(self, watch: str, path: str) -> int | None:
        row = self._db.execute("SELECT id FROM tomograms WHERE watch = ? AND path = ?", (watch, path)).fetchone()
        return row[0] if row else None

    def _tomogram(self, arrival: Arrival) -> tuple[int, TomogramId, str]:
        """The tomogram that lives at this path, or a new one under the first name that is free."""
        wanted = arrival.tomogram
        known = self._db.execute(
            "SELECT id, session, name FROM tomograms WHERE watch = ? AND path = ?", (wanted.watch, arrival.path)
        ).fetchone()
        if known:
            return known[0], TomogramId(wanted.watch, known[1], known[2]), ""
        name = self._free_name(wanted)
        warning = ""
        if name != wanted.name:
            warning = f"{wanted.name} is already the name of another file: {arrival.path} is {name}"
        row = self._db.execute(
            "INSERT INTO tomograms (watch, session, name, path, producer) VALUES (?, ?, ?, ?, ?) RETURNING id",
            (wanted.watch, wanted.session, name, arrival.path, arrival.producer),
        ).fetchone()
        return row[0], replace(wanted, name=name), warning

    def _free_name(self, wanted: TomogramId) -> str:
        name, number = wanted.name, 1
        while self._db.execute(
            "SELECT 1 FROM tomograms WHERE watch = ? AND session = ? AND name = ?", (wanted.watch, wanted.session, name)
        ).fetchone():
            number += 1
            name = f"{wanted.name}-{number}"
        return name

    def _latest_revision(self, tomogram: int) -> dict[str, Any] | None:
        rows = self._db.query("SELECT * FROM revisions WHERE tomogram = ? ORDER BY number DESC LIMIT 1", (tomogram,))
        return next(iter(rows), None)

    def _revision(self, tomogram: int, number: int, arrival: Arrival, warning: str) -> int:
        row = self._db.execute(
            """INSERT INTO revisions
                   (tomogram, number, size, modified_ns, digest, halves, metadata, warning, settled_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id""",
            (
                *(tomogram, number),
                *(arrival.content.size, arrival.content.modified_ns, arrival.content.digest),
                *(json.dumps(dict(arrival.halves)), json.dumps(arrival.facts.to_json())),
                *(warning, self._now()),
            ),
        ).fetchone()
        return int(row[0])

    def _learn(self, revision: int, arrival: Arrival) -> None:
        """The same content again: what is new about it is its time, or what its sidecars and halves say by now."""
        self._db.execute(
            "UPDATE revisions SET modified_ns = ?, halves = ?, metadata = ? WHERE id = ?",
            (
                arrival.content.modified_ns,
                *(json.dumps(dict(arrival.halves)), json.dumps(arrival.facts.to_json())),
                revision,
            ),
        )

    def _make_job(self, arrival: Arrival, revision: int, recipe_name: str, recipe: Recipe) -> None:
        record_recipe(self._db, recipe_name, recipe)
        fault = json.dumps(asdict(arrival.fault)) if arrival.fault else None
        finished = self._now() if fault else None
        self._db.execute(
            """INSERT INTO jobs (queue, revision, recipe, state, attempts, fault, finished_at)
               VALUES (?, ?, ?, ?, ?, ?, ?)""",
            (
                *(arrival.tomogram.watch, revision, recipe.hash),
                *("failed" if fault else "waiting", 1 if fault else 0, fault, finished),
            ),
        )

    def _supersede(self, tomogram_row: int, tomogram: TomogramId) -> None:
        """No older revision counts any more: its job is not run, its result is retracted."""
        older = self._db.query(f"{STANDING_JOBS} WHERE tomogram = ?", (tomogram_row,))
        for job in list(older):
            supersede(self._db, self._event_log, tomogram, job, "a newer revision is there")


def record_recipe(db: Database, name: str, recipe: Recipe) -> None:
    """Keep what is in force under the recipe's hash, for as long as jobs are made with it."""
    db.execute(
        "INSERT INTO recipes (hash, name, settings) VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING",
        (recipe.hash, name, json.dumps(recipe.to_json())),
    )


def fault_body(fault: Fault | None) -> dict[str, Any]:
    """What an event says of a fault: not the traceback, which is for `livetomo failed show`."""
    return {"fault": {"kind": fault.kind, "reason": fault.reason, "message": fault.message}} if fault else {}


def _same_content(revision: dict[str, Any], content: Content) -> bool:
    return (revision["size"], revision["digest"]) == (content.size, content.digest)


def _recorded_digest(revision: dict[str, Any]) -> str:
    return companions_digest(json.loads(revision["halves"]), SidecarFacts.from_json(json.loads(revision["metadata"])))
