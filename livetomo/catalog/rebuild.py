"""A catalog made anew from the result folders, telling the same events under the same identities."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.epoch import begin
from livetomo.catalog.in_force import settle_series
from livetomo.catalog.job_queue import record_result
from livetomo.catalog.registration import record_recipe
from livetomo.catalog.supersede import STANDING_JOBS, supersede
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.events import state_event
from livetomo.core.exclusion import Exclusion
from livetomo.core.manifest import ResultManifest
from livetomo.core.tomogram import TomogramId

_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FoundResult:
    """A result on disk. `path` is its source's, relative to the watch's root, with `/`.

    is_set_aside: another result of its tomogram was in force, whenever each was made.
    """

    manifest: ResultManifest
    folder: str
    path: str
    is_set_aside: bool = False


def rebuild(
    catalog: Catalog, results: Iterable[FoundResult], exclusions: Iterable[Exclusion] = (), *, seen: int = 0
) -> int:
    """Record `results` in an empty catalog, oldest first, and `exclusions` at their time; how many results there were.

    `seen` is the highest number that consumers may have been sent: new events are numbered above it.

    What was waiting or failed is not known any more: the next scan finds it. Files that had been left alone, because
    they were older than the first start, are found by it too; nothing distinguishes these two.
    """
    with catalog.db.atomic():
        epoch = begin(catalog.db, seen=seen, now=catalog.now)
        catalog.event_log.move_cursor("mqtt", epoch.first - 1)
        return record_results(catalog, results, exclusions)


def record_results(catalog: Catalog, results: Iterable[FoundResult], exclusions: Iterable[Exclusion] = ()) -> int:
    """Record `results`, which the catalog does not know, oldest first, and `exclusions`; how many results they are."""
    found_results = list(results)
    with catalog.db.atomic():
        for _, _, record in sorted(_course(catalog, found_results, exclusions), key=lambda step: step[:2]):
            record()
    return len(found_results)


def _course(
    catalog: Catalog, results: Iterable[FoundResult], exclusions: Iterable[Exclusion]
) -> Iterator[tuple[datetime, int, Callable[[], None]]]:
    """What happened and when; what happened at the same time in this order.

    A rule's exclusion is made once more as its result is recorded.
    """
    known = dict(catalog.db.execute("SELECT id, readmitted_at FROM exclusions").fetchall())
    for found in results:
        when = _EARLIEST if found.is_set_aside else datetime.fromisoformat(found.manifest.finished)
        yield when, 0, partial(_record, catalog, found)
    for exclusion in exclusions:
        if exclusion.id not in known and not exclusion.result_id:
            yield datetime.fromisoformat(exclusion.at), 1, partial(catalog.exclusions.record, exclusion)
        if not exclusion.holds and not known.get(exclusion.id):
            when = datetime.fromisoformat(exclusion.readmitted_at)
            yield when, 2, partial(catalog.exclusions.take_back, exclusion)


def knows_better(catalog: Catalog, manifest: ResultManifest) -> bool:
    """Whether the catalog has this result, or a newer revision of its tomogram."""
    who = manifest.tomogram
    row = catalog.db.execute(
        """SELECT EXISTS (SELECT 1 FROM results WHERE result_id = ?)
               OR EXISTS (SELECT 1 FROM revisions JOIN tomograms ON tomograms.id = tomogram
                          WHERE watch = ? AND session = ? AND name = ? AND number > ?)""",
        (manifest.result_id, who.watch, who.session, who.name, manifest.revision),
    ).fetchone()
    return bool(row[0])


def _record(catalog: Catalog, found: FoundResult) -> None:
    manifest, db = catalog.judging.judged(found.manifest), catalog.db
    who, source = manifest.tomogram, manifest.source
    recipe = Recipe.model_validate(manifest.recipe.settings)
    record_recipe(db, manifest.recipe.name, recipe)
    db.execute("INSERT INTO watches (name, first_scan_at) VALUES (?, 0) ON CONFLICT DO NOTHING", (who.watch,))
    catalog.sessions.touch(who.watch, who.session)
    _make_room(db, who, found.path)
    tomogram = _row_of(
        catalog,
        "tomograms",
        {"watch": who.watch, "session": who.session, "name": who.name},
        {"path": found.path, "producer": "unknown"},
    )
    revision = _row_of(
        catalog,
        "revisions",
        {"tomogram": tomogram, "number": manifest.revision},
        {
            **{"size": source.size, "modified_ns": source.modified_ns, "digest": source.digest},
            **{"halves": "{}", "metadata": json.dumps(manifest.metadata)},
            **{"warning": "", "settled_at": catalog.now()},
        },
    )
    # A catalog that is older than the result may know the job as one that is still to be done.
    job = db.execute(
        """INSERT INTO jobs (queue, revision, recipe, state, finished_at) VALUES (?, ?, ?, 'done', ?)
           ON CONFLICT (revision, recipe)
           DO UPDATE SET state = 'done', token = NULL, finished_at = excluded.finished_at RETURNING id""",
        (who.watch, revision, recipe.hash, catalog.now()),
    ).fetchone()[0]
    record_result(db, job, manifest, found.folder, catalog.now())
    waiting, running, done = (
        state_event(who, manifest.revision, manifest.recipe.hash, state, recipe=manifest.recipe.name)
        for state in ("waiting", "running", "done")
    )
    for event in (waiting, running):
        catalog.event_log.append(event)
    catalog.exclusions.record_result(manifest, found.folder)
    catalog.event_log.append(done)
    for older in list(db.query(f"{STANDING_JOBS} WHERE tomogram = ? AND jobs.id != ?", (tomogram, job))):
        newer = older["number"] < manifest.revision
        why = "a newer revision is there" if newer else "it was processed again with another recipe"
        supersede(db, catalog.event_log, who, older, why)
    settle_series(db, catalog.event_log, who, manifest.facts)
    catalog.judging.judge(manifest)


def _make_room(db: Database, who: TomogramId, path: str) -> None:
    """Where `who` is new: another that was at its path has been moved away, and is nowhere until it is seen again."""
    db.execute(
        """UPDATE tomograms SET path = path || '.moved-' || id
           WHERE watch = ?1 AND path = ?2
           AND NOT EXISTS (SELECT 1 FROM tomograms WHERE watch = ?1 AND session = ?3 AND name = ?4)""",
        (who.watch, path, who.session, who.name),
    )


def _row_of(catalog: Catalog, table: str, key: Mapping[str, Any], more: Mapping[str, Any]) -> int:
    """The row with this key, made where there is none."""
    where = " AND ".join(f"{column} = :{column}" for column in key)
    row = catalog.db.execute(f"SELECT id FROM {table} WHERE {where}", dict(key)).fetchone()
    if row is None:
        columns = {**key, **more}
        names, places = ", ".join(columns), ", ".join(f":{column}" for column in columns)
        row = catalog.db.execute(f"INSERT INTO {table} ({names}) VALUES ({places}) RETURNING id", columns).fetchone()
    return int(row[0])
