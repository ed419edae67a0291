"""The queue: each job is leased to one attempt at a time, and only the attempt that holds the lease can finish it."""

import json
import logging
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.event_log import EventLog
from livetomo.catalog.exclusions import Exclusions
from livetomo.catalog.in_force import settle_series
from livetomo.catalog.registration import fault_body
from livetomo.catalog.session_judging import SessionJudging
from livetomo.catalog.supersede import STANDING_JOBS, supersede
from livetomo.core.back_off import BackOff
from livetomo.core.errors import OUT_OF_MEMORY
from livetomo.core.events import State, state_event
from livetomo.core.manifest import ResultManifest
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import Content, Fault, TomogramId

log = logging.getLogger("livetomo.catalog.jobs")

LEASE_SECONDS = 60.0
ATTEMPTS = 4
INTERRUPTIONS = 5
RETRIES = BackOff(10.0)
# No job is ever made to wait for longer: a time beyond it was set by a clock that was ahead.
LONGEST_WAIT_SECONDS = 3600.0
# Neighbours of a revision, in the order of intake, which show whether its own time can be true.
_NEIGHBOURS = 500
_TWICE = (
    "So it was twice in a row: it needs more memory than there is. Bin it, or use a recipe with fewer networks or "
    "mirror images."
)

_JOB = """SELECT jobs.*, watch, session, tomograms.name AS name, path, number, size, modified_ns, digest, settled_at,
                 halves, metadata,
                 recipes.name AS recipe_name, settings
          FROM jobs JOIN revisions ON revisions.id = jobs.revision JOIN tomograms ON tomograms.id = tomogram
          JOIN recipes ON recipes.hash = recipe"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A leased job: everything that is needed to run it, and the token that proves the lease."""

    token: str
    tomogram: TomogramId
    revision: int
    path: str
    content: Content
    recipe_name: str
    recipe_hash: str
    settings: Mapping[str, Any]
    settled_at: float
    turn: int
    halves: Mapping[str, str]
    facts: SidecarFacts


class Jobs:
    """Leases and outcomes. `now` is seconds since 1970."""

    def __init__(
        self,
        db: Database,
        event_log: EventLog,
        judging: SessionJudging,
        exclusions: Exclusions,
        *,
        now: Callable[[], float],
    ) -> None:
        self._db = db
        self._event_log = event_log
        self._judging = judging
        self._exclusions = exclusions
        self._now = now

    def claim(
        self, device: str, lease_seconds: float, watches: Sequence[str], newest_first: Collection[str] = ()
    ) -> Claim | None:
        """Lease the job that is next to a new attempt on `device`; None when nothing is due.

        Live jobs go before reprocessing, `watches` take turns, and within a watch goes the job that has waited
        longest, or in those of `newest_first` the youngest.
        """
        now, token = self._now(), uuid.uuid4().hex
        with self._db.atomic():
            job = self._next(watches, newest_first, now)
            if job is None:
                return None
            self._db.execute(
                """UPDATE jobs SET state = 'running', token = ?, device = ?, lease_until = ?, started_at = ?
                   WHERE id = ?""",
                (token, device, now + lease_seconds, now, job),
            )
            claim = _claim(self._job("jobs.id = ?", job))
            self._db.execute(
                """INSERT INTO watches (name, last_claim_at) VALUES (?1, ?2)
                   ON CONFLICT (name) DO UPDATE SET last_claim_at = ?2""",
                (claim.tomogram.watch, now),
            )
            self._record_state(claim, "running", {"device": device})
            return claim

    def next_due(self) -> float | None:
        """When the next waiting job may run (seconds since 1970); None when none waits."""
        (due,) = self._db.execute(
            "SELECT min(iif(not_before > ?, 0, not_before)) FROM jobs WHERE state = 'waiting'",
            (self._now() + LONGEST_WAIT_SECONDS,),
        ).fetchone()
        return None if due is None else float(due)

    def no_longer_wait(self, since: float) -> None:
        """Have jobs that were to wait until some time after `since` be due: nobody knows any more when that is."""
        self._db.execute("UPDATE jobs SET not_before = 0 WHERE state = 'waiting' AND not_before >= ?", (since,))

    def renew(self, token: str, lease_seconds: float) -> bool:
        """Extend the lease; False when it is lost, and the attempt's work with it."""
        row = self._db.execute(
            "UPDATE jobs SET lease_until = ? WHERE token = ? RETURNING id", (self._now() + lease_seconds, token)
        ).fetchone()
        return row is not None

    def holds(self, token: str) -> bool:
        """Whether the attempt still holds its lease."""
        return self._db.execute("SELECT 1 FROM jobs WHERE token = ?", (token,)).fetchone() is not None

    def running(self) -> list[Claim]:
        """Every leased job: at a start, those that the last run of the daemon left behind."""
        return [_claim(row) for row in self._db.query(f"{_JOB} WHERE state = 'running' ORDER BY jobs.id")]

    def commit(self, token: str, manifest: ResultManifest, folder: str) -> ResultManifest | None:
        """Record the result that lies in `folder` and its events, in one transaction.

        The manifest with what its session makes of its figures is published and returned; None when the lease is lost.
        """
        with self._db.atomic():
            row = self._held(token)
            if row is None:
                return None
            judged = self._judging.judged(manifest)
            self._finish(row["id"], "done", None)
            record_result(self._db, row["id"], judged, folder, self._now())
            claim = _claim(row)
            # What this one takes the place of goes first, so that no consumer has a particle twice in between.
            said = settle_series(self._db, self._event_log, claim.tomogram, claim.facts, spare=claim.tomogram.name)
            self._exclusions.record_result(judged, folder)
            waited = max(0.0, self._now() - complete_at(row["settled_at"], row["modified_ns"], self._now()))
            self._record_state(claim, "done", {"seconds": round(waited, 3)})
            self._retract_older(row)
            said += settle_series(self._db, self._event_log, claim.tomogram, claim.facts)
            self._judging.judge(judged)
        for sentence in said:
            log.info(sentence)
        return judged

    def fail(self, token: str, fault: Fault) -> State | None:
        """The attempt ended with `fault`: what becomes of the job, or None when the lease was lost anyway.

        A permanent fault ends the job; any other is tried again, later each time. Faults that are not the input's own
        (a device's, the daemon's death) are not charged to it, and the first of them costs no waiting; five in a row
        end the job all the same. Where memory ran out and nobody else had it, the attempt is charged; the second time
        in a row it is the input's own fault.
        """
        with self._db.atomic():
            row = self._held(token)
            if row is None:
                return None
            memory = fault.reason == OUT_OF_MEMORY
            if memory and row["fault"] and json.loads(row["fault"])["reason"] == OUT_OF_MEMORY:
                fault = replace(fault, kind="permanent", message=f"{fault.message} {_TWICE}")
            charged = fault.kind != "device" or memory
            attempts = row["attempts"] + charged
            interruptions = 0 if charged else row["interruptions"] + 1
            final = fault.kind == "permanent" or attempts >= ATTEMPTS or interruptions >= INTERRUPTIONS
            counts = (attempts, interruptions, row["id"])
            self._db.execute("UPDATE jobs SET attempts = ?, interruptions = ? WHERE id = ?", counts)
            if final:
                self._finish(row["id"], "failed", fault)
                self._record_state(_claim(row), "failed", fault_body(fault) | {"attempts": attempts})
                return "failed"
            setbacks = attempts + max(0, interruptions - 1)
            self._wait(row["id"], fault, RETRIES.seconds(setbacks))
            return "waiting"

    def postpone(self, token: str, fault: Fault, seconds: float) -> bool:
        """Try the job again in `seconds`, uncharged: what went wrong is said already, and is not the job's business."""
        row = self._held(token)
        if row is not None:
            self._wait(row["id"], fault, seconds)
        return row is not None

    def release(self, token: str) -> None:
        """Give the job back untouched: the daemon stops on purpose."""
        self._db.execute("UPDATE jobs SET state = 'waiting', token = NULL, device = NULL WHERE token = ?", (token,))

    def _retract_older(self, row: Mapping[str, Any]) -> None:
        """One result stands for a tomogram: that of its newest job which has one."""
        tomogram = TomogramId(row["watch"], row["session"], row["name"])
        standing = self._db.query(
            f"""{STANDING_JOBS} WHERE tomogram = (SELECT tomogram FROM revisions WHERE id = ?) ORDER BY jobs.id""",
            (row["revision"],),
        )
        done = [job for job in standing if job["state"] == "done"]
        for older in done[:-1]:
            supersede(self._db, self._event_log, tomogram, older, "it was processed again with another recipe")

    def _next(self, watches: Sequence[str], newest_first: Collection[str], now: float) -> int | None:
        # A turn in time to come was taken by a clock that was ahead, and would be the last for as long.
        turns = dict(
            self._db.execute("SELECT name, last_claim_at FROM watches WHERE last_claim_at <= ?", (now,)).fetchall()
        )
        for urgency in (0, 1):
            for watch in sorted(watches, key=lambda name: (turns.get(name, 0.0), name)):
                order = "id DESC" if watch in newest_first else "id"
                row = self._db.execute(
                    f"""SELECT id FROM jobs WHERE state = 'waiting' AND urgency = ? AND queue = ?
                        AND (not_before <= ? OR not_before > ?) ORDER BY {order} LIMIT 1""",
                    (urgency, watch, now, now + LONGEST_WAIT_SECONDS),
                ).fetchone()
                if row:
                    return int(row[0])
        return None

    def maps_are_removed(self, folder: str) -> None:
        """Retention has dealt with the result in `folder`."""
        self._db.execute("UPDATE results SET maps_removed_at = ? WHERE folder = ?", (self._now(), folder))

    def with_maps(self, older_than_seconds: float, limit: int) -> list[str]:
        """Folders of results that retention has not dealt with and that are older than this, the oldest first.

        One that was recorded by a clock that was behind is no older than its source, nor than what was taken in before.
        """
        rows = self._db.execute(
            """SELECT folder FROM results JOIN jobs ON jobs.id = job JOIN revisions ON revisions.id = revision
               WHERE maps_removed_at IS NULL AND committed_at < ?1
               AND NOT (modified_ns / 1e9 BETWEEN ?1 AND ?2)
               AND NOT EXISTS (SELECT 1 FROM revisions AS earlier
                               WHERE earlier.id BETWEEN revisions.id - ?3 AND revisions.id
                               AND earlier.settled_at BETWEEN ?1 AND ?2)
               ORDER BY committed_at LIMIT ?4""",
            (self._now() - older_than_seconds, self._now(), _NEIGHBOURS, limit),
        )
        return [folder for (folder,) in rows.fetchall()]

    def newest_time(self) -> float:
        """The latest time at which something was recorded, in seconds since 1970; 0 before the first."""
        (newest,) = self._db.execute(
            """SELECT max(coalesce((SELECT max(committed_at) FROM results
                                  WHERE job > (SELECT max(job) FROM results) - ?1), 0), coalesce(
                   (SELECT max(settled_at) FROM revisions WHERE id > (SELECT max(id) FROM revisions) - ?1), 0))""",
            (_NEIGHBOURS,),
        ).fetchone()
        return float(newest)

    def _held(self, token: str) -> dict[str, Any] | None:
        return next(iter(self._db.query(f"{_JOB} WHERE token = ?", (token,))), None)

    def _job(self, where: str, *values: Any) -> dict[str, Any]:
        return next(iter(self._db.query(f"{_JOB} WHERE {where}", values)))

    def _finish(self, job: int, state: State, fault: Fault | None) -> None:
        self._db.execute(
            "UPDATE jobs SET state = ?, token = NULL, finished_at = ?, fault = ? WHERE id = ?",
            (state, self._now(), json.dumps(asdict(fault)) if fault else None, job),
        )

    def _wait(self, job: int, fault: Fault, seconds: float) -> None:
        self._db.execute(
            "UPDATE jobs SET state = 'waiting', token = NULL, device = NULL, not_before = ?, fault = ? WHERE id = ?",
            (self._now() + seconds, json.dumps(asdict(fault)), job),
        )

    def _record_state(self, claim: Claim, state: State, more: Mapping[str, Any]) -> None:
        who = (claim.tomogram, claim.revision, claim.recipe_hash)
        self._event_log.append(state_event(*who, state, claim.turn, recipe=claim.recipe_name, **more))


def complete_at(settled_at: float, modified_ns: int, now: float) -> float:
    """When a file was complete: as it was taken in, unless the clock was behind then, as the file's own time says."""
    modified = modified_ns / 1e9
    return max(settled_at, modified) if modified <= now else settled_at


def _claim(row: dict[str, Any]) -> Claim:
    return Claim(
        token=row["token"],
        tomogram=TomogramId(row["watch"], row["session"], row["name"]),
        revision=row["number"],
        path=row["path"],
        content=Content(row["size"], row["modified_ns"], row["digest"]),
        recipe_name=row["recipe_name"],
        recipe_hash=row["recipe"],
        settings=json.loads(row["settings"]),
        settled_at=row["settled_at"],
        turn=row["turn"],
        halves=json.loads(row["halves"]),
        facts=SidecarFacts.from_json(json.loads(row["metadata"])),
    )


def record_result(db: Database, job: int, manifest: ResultManifest, folder: str, now: float) -> None:
    """The result of a job that is done; the lists of its picks are in events and folder alone."""
    db.execute(
        "INSERT INTO results (job, result_id, folder, manifest, committed_at) VALUES (?, ?, ?, ?, ?)",
        (job, manifest.result_id, folder, json.dumps(manifest.brief().to_json()), now),
    )
