"""What the page, the API and the summaries show of the catalog: read-only questions, each bounded in its answer."""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.exclusions import Exclusions
from livetomo.catalog.session_judging import SessionJudging
from livetomo.core.average_summary import AverageSummary
from livetomo.core.events import State
from livetomo.core.exclusion import Box, Exclusion, boxes_of, without_excluded
from livetomo.core.expected_false import ExpectedFalse, expected_false
from livetomo.core.false_share import FalseShare
from livetomo.core.json_object import JsonObject
from livetomo.core.manifest import ResultManifest
from livetomo.core.quality.metric import Verdict, poor, reasons
from livetomo.core.quality.session_verdict import FEWEST_TOMOGRAMS, LAST_TOMOGRAMS, Target, failures_are_bad, targets

# The job that stands for a tomogram: the last one made of its newest revision.
_CURRENT = """
    FROM tomograms
    JOIN revisions ON revisions.tomogram = tomograms.id
        AND number = (SELECT max(number) FROM revisions AS r WHERE r.tomogram = tomograms.id)
    JOIN jobs ON jobs.id = (SELECT max(id) FROM jobs AS j WHERE j.revision = revisions.id)
    LEFT JOIN results ON results.job = jobs.id
"""


@dataclass(frozen=True, slots=True)
class SessionView:
    """A session: how many of its tomograms are in each state, and when the last new one was taken in.

    tomograms: one for each tilt series; superseded reconstructions are in `states` alone.

    verdict: by its last tomograms, as it was published; missing before there are enough.
    targets: how far it is, where a person has said how many particles it is to have.
    """

    watch: str
    session: str
    tomograms: int
    states: Mapping[State, int]
    newest: datetime
    verdict: Verdict = "missing"
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionTotals:
    """What the results of a session's newest revisions add up to; `newest` is of the last change.

    verdict, reasons: of the session, by its last tomograms, as they were published.
    picks: without those that were taken out. excluded: the tomograms of which something was.
    false_picks: of the features of which it was estimated, how many of the picks are expected to be false.
    averages: by feature, what the average of its particles says, where the daemon has made one.
    """

    watch: str
    session: str
    tomograms: int
    states: Mapping[State, int]
    verdicts: Mapping[Verdict, int]
    picks: Mapping[str, int]
    newest: datetime
    verdict: Verdict = "missing"
    reasons: tuple[str, ...] = ()
    targets: tuple[Target, ...] = ()
    false_picks: Mapping[str, ExpectedFalse] = field(default_factory=dict)
    excluded: int = 0
    averages: Mapping[str, AverageSummary] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TomogramView:
    """A tomogram as it stands: the state of its newest job, and what its result says in brief.

    reasons: of the figures that are not good, one sentence each, worst first.
    false_picks: how many of the picks are expected to be false, by feature; without those that nobody has estimated.
    excluded: what was taken out of it, by whom and why, one sentence each.
    """

    watch: str
    session: str
    name: str
    revision: int
    path: str
    producer: str
    recipe: str
    state: State
    attempts: int
    settled: datetime
    changed: datetime
    warning: str = ""
    fault: Mapping[str, str] | None = None
    result_id: str | None = None
    verdict: Verdict | None = None
    reasons: tuple[str, ...] = ()
    picks: Mapping[str, int] = field(default_factory=dict)
    previews: tuple[str, ...] = ()
    false_picks: Mapping[str, ExpectedFalse] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ResultView:
    """A result: where it lies, and its manifest without the lists of picks. exclusions: those that hold for it."""

    result_id: str
    folder: str
    manifest: ResultManifest
    state: State
    committed: datetime
    exclusions: tuple[Exclusion, ...] = ()


@dataclass(frozen=True, slots=True)
class Waiting:
    """Jobs of one watch that wait: how many, and when the one that has waited longest was made ready."""

    jobs: int
    oldest: datetime


class Views:
    """Questions about the catalog."""

    def __init__(
        self, db: Database, judging: SessionJudging, exclusions: Exclusions, *, now: Callable[[], float]
    ) -> None:
        self._db = db
        self._judging = judging
        self._exclusions = exclusions
        self._now = now

    def sessions(self, limit: int = 100) -> list[SessionView]:
        """The sessions, those with the newest tomogram first."""
        rows = self._db.query(
            """SELECT watch, session, targets FROM sessions
               WHERE touched_at > 0 ORDER BY touched_at DESC LIMIT ?""",
            (limit,),
        )
        return [self._session(row) for row in list(rows)]

    def totals(self, watch: str, session: str) -> SessionTotals:
        """What a session's results add up to."""
        rows = list(
            self._db.query(
                # One json_extract of both: each call parses the whole manifest.
                f"""SELECT state, name, result_id, json_extract(manifest, '$.verdict', '$.picks') AS said,
                           max(settled_at, coalesce(started_at, 0), coalesce(finished_at, 0)) AS changed,
                           coalesce(committed_at, 0) AS committed
                    {_CURRENT} WHERE watch = ? AND session = ?""",
                (watch, session),
            )
        )
        in_force = [row for row in rows if row["state"] != "superseded"]
        excluded = self._excluded(watch, session)
        said = []
        for row in in_force:
            if row["said"]:
                verdict, recorded = json.loads(row["said"])
                said.append((row["committed"], verdict, self._left(recorded, row, excluded)))
        finished = [(committed, _counts(picks)) for committed, _, picks in said]
        picks: dict[str, int] = {}
        for _, counts in finished:
            for feature, count in counts.items():
                picks[feature] = picks.get(feature, 0) + count
        states = dict(Counter(row["state"] for row in rows))
        verdict, reasons = self.session_verdict(watch, session, states)
        return SessionTotals(
            watch=watch,
            session=session,
            tomograms=len(in_force),
            states=states,
            verdicts=dict(Counter(verdict for _, verdict, _ in said)),
            picks=picks,
            newest=_moment(max((row["changed"] for row in rows), default=0.0)),
            verdict=verdict,
            reasons=reasons,
            targets=tuple(targets(self._wanted(watch, session), finished, self._now())),
            false_picks=expected_false(each for _, _, picks in said for each in _estimated(picks)),
            excluded=sum(any(each.holds for each in those) for those in excluded.values()),
        )

    def _excluded(self, watch: str, session: str) -> dict[str, list[Exclusion]]:
        """The exclusions of a session that hold, by its tomograms' names."""
        by_name: dict[str, list[Exclusion]] = {}
        for each in self._exclusions.of_session(watch, session):
            if each.holds:
                by_name.setdefault(each.tomogram.name, []).append(each)
        return by_name

    def _left(
        self, picks: Mapping[str, Any], row: Mapping[str, Any], excluded: Mapping[str, list[Exclusion]]
    ) -> Mapping[str, Any]:
        """What is left of the picks of a result; where not all are listed, those that are stand for all."""
        those = [each for each in excluded.get(row["name"], ()) if each.result_id in ("", row["result_id"])]
        if not those:
            return picks
        bodies: Mapping[str, Any] = {}
        if any(each.box for each in those):
            bodies = self._exclusions.picks_bodies(those[0].tomogram)
        return {
            feature: recorded | {"count": left}
            for feature, recorded in picks.items()
            if (left := _count_left(recorded, bodies.get(feature, {}), boxes_of(those, feature)))
        }

    def session_verdict(
        self, watch: str, session: str, states: Mapping[State, int] | None = None
    ) -> tuple[Verdict, tuple[str, ...]]:
        """How a session goes, and why it is not good: as its results have it, unless its tomograms fail.

        `states`, where they are known, spare the look at the last tomograms of a session in which few have failed.
        """
        recorded = self._judging.recorded(watch, session) or {"verdict": "missing", "reasons": ()}
        reasons = tuple(recorded["reasons"])
        if states is None or states.get("failed", 0) >= FEWEST_TOMOGRAMS:
            rows = self._db.execute(
                f"""SELECT state {_CURRENT} WHERE watch = ? AND session = ? AND state IN ('done', 'failed')
                    ORDER BY finished_at DESC, jobs.id DESC LIMIT ?""",
                (watch, session, LAST_TOMOGRAMS),
            ).fetchall()
            failed = sum(state == "failed" for (state,) in rows)
            if failures_are_bad(failed, len(rows)):
                return "bad", (f"{failed} of the last {len(rows)} tomograms failed", *reasons)
        return recorded["verdict"], reasons

    def tomograms(self, watch: str, session: str, limit: int = 1000, offset: int = 0) -> list[TomogramView]:
        """The tomograms of a session, the last taken in first."""
        rows = self._db.query(
            f"{_TOMOGRAM} {_CURRENT} JOIN recipes ON recipes.hash = jobs.recipe "
            "WHERE watch = ? AND session = ? ORDER BY tomograms.id DESC LIMIT ? OFFSET ?",
            (watch, session, limit, offset),
        )
        excluded = self._excluded(watch, session)
        return [_tomogram(row, excluded) for row in rows]

    def tomogram(self, watch: str, session: str, name: str) -> TomogramView | None:
        """One tomogram."""
        rows = self._db.query(
            f"{_TOMOGRAM} {_CURRENT} JOIN recipes ON recipes.hash = jobs.recipe "
            "WHERE watch = ? AND session = ? AND tomograms.name = ?",
            (watch, session, name),
        )
        excluded = self._excluded(watch, session)
        return next((_tomogram(row, excluded) for row in rows), None)

    def result(self, result_id: str) -> ResultView | None:
        """One result, superseded ones too."""
        rows = self._db.query(
            "SELECT results.*, state FROM results JOIN jobs ON jobs.id = job WHERE result_id = ?", (result_id,)
        )
        row = next(iter(rows), None)
        if row is None:
            return None
        manifest = ResultManifest.from_json(json.loads(row["manifest"]))
        exclusions = [each for each in self._exclusions.of(manifest.tomogram) if each.holds]
        return ResultView(
            row["result_id"],
            row["folder"],
            manifest,
            row["state"],
            _moment(row["committed_at"]),
            tuple(each for each in exclusions if each.result_id in ("", result_id)),
        )

    def last_folders(self, limit: int) -> list[str]:
        """The folders of the last results that stand, the newest first."""
        rows = self._db.execute(
            "SELECT folder FROM results JOIN jobs ON jobs.id = job WHERE state = 'done' ORDER BY job DESC LIMIT ?",
            (limit,),
        )
        return [folder for (folder,) in rows.fetchall()]

    def standing_folders(self, watch: str | None = None, session: str | None = None) -> list[tuple[str, str]]:
        """(tomogram, folder) of every result that stands, of one watch or session where it is given."""
        rows = self._db.execute(
            """SELECT watch || '/' || session || '/' || tomograms.name, folder
               FROM results JOIN jobs ON jobs.id = job JOIN revisions ON revisions.id = revision
               JOIN tomograms ON tomograms.id = tomogram
               WHERE state = 'done' AND (?1 IS NULL OR watch = ?1) AND (?2 IS NULL OR session = ?2) ORDER BY 1""",
            (watch, session),
        )
        return [(name, folder) for name, folder in rows.fetchall()]

    def latest_result(self, watches: Collection[str], skip: int) -> str | None:
        """The id of the last result that was committed, or of the one so many before it; no watches are all."""
        row = self._db.execute(
            """SELECT result_id FROM results JOIN jobs ON jobs.id = job JOIN revisions ON revisions.id = revision
               JOIN tomograms ON tomograms.id = tomogram
               WHERE state = 'done' AND (? = '[]' OR watch IN (SELECT value FROM json_each(?1)))
               ORDER BY job DESC LIMIT 1 OFFSET ?""",
            (json.dumps(sorted(watches)), skip),
        ).fetchone()
        return None if row is None else str(row[0])

    def standing_results(self, watch: str, session: str) -> dict[str, dict[str, Any]]:
        """The folders of the results that stand for a session's tomograms, by their names; each with what is known.

        metadata: what the sidecars say by now, which may be more than they did when the result was made.
        verdict:  as it was published, by the session.
        """
        rows = self._db.execute(
            """SELECT folder, metadata, json_extract(manifest, '$.verdict')
               FROM tomograms JOIN revisions ON tomogram = tomograms.id
               CROSS JOIN jobs ON jobs.revision = revisions.id AND +state = 'done' JOIN results ON job = jobs.id
               WHERE watch = ? AND session = ? ORDER BY name""",
            (watch, session),
        )
        return {
            folder: {"metadata": json.loads(metadata), "verdict": verdict}
            for folder, metadata, verdict in rows.fetchall()
        }

    def has_averages(self, watch: str, session: str) -> bool:
        """Whether any result of a session, in force or not, holds sums of its particles."""
        row = self._db.execute(
            """SELECT 1 FROM tomograms JOIN revisions ON tomogram = tomograms.id
               CROSS JOIN jobs ON jobs.revision = revisions.id JOIN results ON job = jobs.id
               WHERE watch = ? AND session = ? AND manifest LIKE '%"average/%' LIMIT 1""",
            (watch, session),
        ).fetchone()
        return row is not None

    def job_counts(self) -> dict[State, int]:
        """How many jobs are in each state."""
        rows = self._db.query("SELECT state, number FROM job_counts WHERE number > 0")
        return {row["state"]: row["number"] for row in rows}

    def waiting(self) -> dict[str, Waiting]:
        """The waiting jobs of each watch that has some.

        Where the clock was behind then, or is now, the file's own time or the present one stands in for it.
        """
        rows = self._db.query(
            """SELECT watch, count(*) AS number,
                      min(min(?1, max(settled_at, iif(modified_ns / 1e9 <= ?1, modified_ns / 1e9, 0)))) AS oldest
               FROM jobs JOIN revisions ON revisions.id = revision JOIN tomograms ON tomograms.id = tomogram
               WHERE state = 'waiting' GROUP BY watch""",
            (self._now(),),
        )
        return {row["watch"]: Waiting(row["number"], _moment(row["oldest"])) for row in rows}

    def _wanted(self, watch: str, session: str) -> dict[str, int]:
        """The targets that a person has given the session."""
        row = self._db.execute(
            "SELECT targets FROM sessions WHERE watch = ? AND session = ?", (watch, session)
        ).fetchone()
        return json.loads(row[0]) if row else {}

    def _session(self, session_row: Mapping[str, Any]) -> SessionView:
        watch, session = session_row["watch"], session_row["session"]
        rows = list(
            self._db.query(
                f"SELECT state, count(*) AS n, max(settled_at) AS newest {_CURRENT} "
                "WHERE watch = ? AND session = ? GROUP BY state",
                (watch, session),
            )
        )
        states: dict[State, int] = {row["state"]: row["n"] for row in rows}
        return SessionView(
            watch,
            session,
            sum(states.values()) - states.get("superseded", 0),
            states,
            _moment(max(row["newest"] for row in rows)),
            self.session_verdict(watch, session, states)[0],
            () if session_row["targets"] == "{}" else self.totals(watch, session).targets,
        )


_TOMOGRAM = """
    SELECT watch, session, tomograms.name, path, producer, number, warning, settled_at, state, attempts, fault,
           started_at, finished_at, recipes.name AS recipe, result_id,
           json_extract(manifest, '$.verdict', '$.quality', '$.picks', '$.files') AS said
"""


def _tomogram(row: Mapping[str, Any], excluded: Mapping[str, Sequence[Exclusion]]) -> TomogramView:
    verdict, *parts = json.loads(row["said"]) if row["said"] else (None, {}, {}, {})
    quality, picks, files = (part or {} for part in parts)  # a manifest that lacks one spoils no list
    fault = json.loads(row["fault"]) if row["fault"] and row["state"] in ("failed", "waiting") else None
    return TomogramView(
        watch=row["watch"],
        session=row["session"],
        name=row["name"],
        revision=row["number"],
        path=row["path"],
        producer=row["producer"],
        recipe=row["recipe"],
        state=row["state"],
        attempts=row["attempts"],
        settled=_moment(row["settled_at"]),
        changed=_moment(max(row[key] or 0 for key in ("settled_at", "started_at", "finished_at"))),
        warning=row["warning"],
        fault={key: fault[key] for key in ("kind", "reason", "message")} if fault else None,
        result_id=row["result_id"],
        verdict=verdict,
        reasons=tuple(reasons(poor(quality).values())),
        picks=_counts(picks),
        false_picks=expected_false(_estimated(picks)),
        previews=tuple(sorted(name for name in files if name.startswith("preview/"))),
        excluded=tuple(
            each.sentence for each in excluded.get(row["name"], ()) if each.result_id in ("", row["result_id"])
        ),
    )


def _counts(picks: Mapping[str, Any]) -> dict[str, int]:
    """The published picks of each feature, from what the manifest says of them."""
    return {feature: int(recorded["count"]) for feature, recorded in picks.items()}


def _count_left(recorded: Mapping[str, Any], body: Mapping[str, Any], boxes: Sequence[Box]) -> int:
    """How many of the published picks are in none of the boxes, by those that are listed."""
    count = int(recorded["count"])
    if {} in boxes:
        return 0
    rows = body.get("strongest", ())
    if not boxes or not rows:
        return count
    left = without_excluded(rows, body["columns"], body["volume"], boxes)
    return round(count * len(left) / len(rows))


def _estimated(picks: Mapping[str, Any]) -> Iterator[tuple[str, int, FalseShare | None]]:
    """Each feature, the number of its published picks, and how many of them are expected to be false."""
    for feature, recorded in picks.items():
        share = recorded.get("false_share")
        yield feature, int(recorded["count"]), None if share is None else FalseShare.from_json(JsonObject(share))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
