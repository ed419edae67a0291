"""What stands in the place of something older: its job is not run, its result is retracted, and both become events."""

from collections.abc import Mapping
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.event_log import EventLog
from livetomo.core.events import Event, state_event
from livetomo.core.tomogram import TomogramId

# By way of the tomogram's few revisions (CROSS JOIN keeps SQLite to that), never through all jobs of a state.
STANDING_JOBS = """SELECT jobs.id, state, recipe, number, turn, result_id FROM revisions
                   CROSS JOIN jobs ON jobs.revision = revisions.id AND state NOT IN ('superseded', 'cancelled')
                   LEFT JOIN results ON results.job = jobs.id"""


def supersede(
    db: Database, event_log: EventLog, tomogram: TomogramId, job: Mapping[str, Any], why: str, *, by: str = ""
) -> None:
    """Something newer stands in the place of `job` (a row of `STANDING_JOBS`); a result that it had is retracted.

    by: the other tomogram, where it is another reconstruction of the same series.
    """
    db.execute("UPDATE jobs SET state = 'superseded', token = NULL WHERE id = ?", (job["id"],))
    who = (tomogram, job["number"], job["recipe"])
    more: dict[str, Any] = {"superseded_by": by} if by else {}
    event_log.append(state_event(*who, "superseded", job["turn"], **more))
    if job["result_id"]:
        # A result that was put in force again can be superseded again: that is another event.
        version = "superseded" if job["turn"] == 1 else f"superseded.{job['turn']}"
        event_log.append(Event("retracted", *who, version, {"result_id": job["result_id"], "reason": why}))
