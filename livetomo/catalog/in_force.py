"""One reconstruction of a tilt series is in force: when another has a result, the older one's is retracted."""

import json

from sqlite_utils import Database

from livetomo.catalog.event_log import EventLog
from livetomo.catalog.supersede import supersede
from livetomo.core.series import Reconstruction, superseded
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import TomogramId

# Those that may be of the series by their names, which have its name and a suffix ('.' is what comes after '-').
_RESULTS = """
    SELECT jobs.id, state, recipe, number, turn, result_id, name, modified_ns, metadata, revision
    FROM tomograms JOIN revisions ON tomogram = tomograms.id
    CROSS JOIN jobs ON jobs.revision = revisions.id AND +state = 'done' JOIN results ON job = jobs.id
    WHERE watch = ?1 AND session = ?2 AND (name = ?3 OR (name > ?3 || '-' AND name < ?3 || '.'))
"""


def settle_series(
    db: Database, event_log: EventLog, tomogram: TomogramId, facts: SidecarFacts, *, spare: str = ""
) -> list[str]:
    """Retract the results of reconstructions of `tomogram`'s series that another is in force for; what was done.

    spare: a tomogram whose own result stays for now.
    """
    series = facts.series
    if series is None:
        return []
    where = (tomogram.watch, tomogram.session, series.name)
    rows = {row["name"]: row for row in db.query(_RESULTS, where)}
    known = [
        Reconstruction.of(name, SidecarFacts.from_json(json.loads(row["metadata"])), row["modified_ns"])
        for name, row in rows.items()
    ]
    said = []
    for name, better in superseded(known).items():
        if name == spare:
            continue
        who = TomogramId(tomogram.watch, tomogram.session, name)
        why = f"superseded by {better}, another reconstruction of the same tilt series"
        supersede(db, event_log, who, rows[name], why, by=better)
        db.execute("UPDATE revisions SET warning = ? WHERE id = ?", (why, rows[name]["revision"]))
        said.append(f"{who} is {why}")
    return said
