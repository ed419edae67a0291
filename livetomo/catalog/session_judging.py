"""Verdicts of sessions: what the last results of a session say, and the verdict that was published."""

import json
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.event_log import EventLog
from livetomo.core.events import Event
from livetomo.core.manifest import ResultManifest
from livetomo.core.quality.metric import Verdict, poor
from livetomo.core.quality.session_baseline import MOST_TOMOGRAMS, judged
from livetomo.core.quality.session_verdict import LAST_TOMOGRAMS, Judged, verdict_body

# The last results that stand for a session's tomograms, by way of these; the manifest is read of those alone, and once.
_LAST = """
    SELECT json_extract(manifest, '$.verdict', '$.quality')
    FROM (SELECT job FROM tomograms JOIN revisions ON tomogram = tomograms.id
          CROSS JOIN jobs ON jobs.revision = revisions.id AND +state = 'done' JOIN results ON job = jobs.id
          WHERE watch = ?1 AND session = ?2 AND (?3 IS NULL OR recipe = ?3)
          ORDER BY committed_at DESC, job DESC LIMIT ?4)
    JOIN results USING (job) ORDER BY committed_at DESC, job DESC
"""


class SessionJudging:
    """Judges a result by its session, and a session by its results.

    Both are decided once, as the result is recorded, and published with it: the broker, the page and a consumer that
    catches up later then say the same, and no verdict changes because of what came after. A catalog that is made anew
    decides the same, as long as results were recorded in the order in which they were finished.
    """

    def __init__(self, db: Database, event_log: EventLog) -> None:
        self._db = db
        self._event_log = event_log

    def judged(self, manifest: ResultManifest) -> ResultManifest:
        """`manifest`, which is not recorded yet, with what the session's results of the same recipe make of it."""
        who = manifest.tomogram
        earlier = self._last(who.watch, who.session, manifest.recipe.hash, MOST_TOMOGRAMS)
        return judged(manifest, [{name: one["value"] for name, one in figures.items()} for _, figures in earlier])

    def judge(self, manifest: ResultManifest) -> None:
        """Record the session's verdict as an event if the result of `manifest`, which is recorded, has changed it."""
        who = manifest.tomogram
        recorded = self.recorded(who.watch, who.session)
        before: Verdict = recorded["verdict"] if recorded else "missing"
        last = self._last(who.watch, who.session, None, LAST_TOMOGRAMS)
        body = verdict_body([Judged(verdict, poor(figures)) for verdict, figures in last], before)
        if body is not None:
            recipe_hash = manifest.recipe.hash
            self._event_log.append(Event("verdict", who, manifest.revision, recipe_hash, body["verdict"], body))

    def recorded(self, watch: str, session: str) -> dict[str, Any] | None:
        """The last event of the session's verdict; None before there is one."""
        row = self._db.execute(
            "SELECT body FROM events WHERE kind = 'verdict' AND watch = ? AND session = ? ORDER BY seq DESC LIMIT 1",
            (watch, session),
        ).fetchone()
        return json.loads(row[0]) if row else None

    def _last(self, watch: str, session: str, recipe_hash: str | None, number: int) -> list[tuple[Verdict, Any]]:
        """The newest first: their verdicts, and their figures as `Quality.to_json` writes them, by name."""
        rows = self._db.execute(_LAST, (watch, session, recipe_hash, number)).fetchall()
        return [tuple(json.loads(said)) for (said,) in rows]
