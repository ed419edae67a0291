"""A backup of the catalog put in force: checked first, installed whole, what was there before set aside."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlite_utils import Database

from livetomo.catalog.aside import LOGS, NOTE, aside_name, is_untouched_copy, set_aside
from livetomo.catalog.database import open_database
from livetomo.catalog.epoch import begin
from livetomo.catalog.event_log import recorded_event
from livetomo.catalog.highwater import high_water, read_note, write_note
from livetomo.core.errors import BadBackup, LivetomoError
from livetomo.system.atomic_write import sync


def restore(backup: Path, catalog: Path, *, site: str, instance: str) -> Path | None:
    """Put `backup` in force as the catalog at this path; what the one that was there is called now.

    The caller holds the state's lock. Whenever this is interrupted, there is a whole catalog: the old or the new one.

    Raises:
        BadBackup: it is no sound catalog of this site and instance; nothing was changed.
    """
    if catalog.exists() and backup.samefile(catalog):
        raise BadBackup(backup, "it is the catalog that is in force")
    with _prepared(backup, catalog) as fresh:
        with closing(_opened(fresh, backup)) as db:
            _check_origin(db, backup, site, instance)
            begin(db, seen=_highest_seen(catalog))
            db.execute("PRAGMA journal_mode = DELETE").fetchone()
            reached = high_water(db)
        sync(fresh)
        aside = aside_name(catalog) if catalog.exists() else set_aside(catalog, LOGS)
        if catalog.exists() and aside is not None:
            os.link(catalog, aside)  # it stays where it is until the new one takes its place
            set_aside(catalog, LOGS, aside)
        fresh.replace(catalog)
        sync(catalog.parent)
        write_note(catalog, reached)
    return aside


@contextmanager
def _prepared(backup: Path, catalog: Path) -> Iterator[Path]:
    """A copy of the backup beside the catalog, with its log where somebody has copied one along."""
    fresh = catalog.with_name(f".restored-{catalog.name}")
    try:
        shutil.copyfile(backup, fresh)
        log = backup.with_name(f"{backup.name}-wal")
        if log.exists() and not is_untouched_copy(backup):
            shutil.copyfile(log, fresh.with_name(f"{fresh.name}-wal"))
        yield fresh
    except OSError as fault:
        raise BadBackup(backup, f"{fault.strerror or fault} ({fault.filename})") from None
    finally:
        for ending in ("", *LOGS, NOTE):
            fresh.with_name(fresh.name + ending).unlink(missing_ok=True)


def _opened(fresh: Path, backup: Path) -> Database:
    """The copy, checked to its last page and brought up to date."""
    try:
        with closing(sqlite3.connect(fresh)) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if verdict != "ok":
            raise BadBackup(backup, f"it is damaged ({' '.join(verdict.split())})")
        if not {"events", "jobs", "results", "tomograms"} <= tables:
            raise BadBackup(backup, "it is a database, but no catalog of livetomo")
        return open_database(fresh)
    except sqlite3.Error as fault:
        raise BadBackup(backup, f"it cannot be read ({fault})") from None
    except BadBackup:
        raise
    except LivetomoError as fault:
        raise BadBackup(backup, str(fault).rstrip(".")) from None


def _check_origin(db: Database, backup: Path, site: str, instance: str) -> None:
    """The ids of events are made of site and instance: those of a catalog of others do not fit."""
    ends = list(db.query("SELECT * FROM (SELECT * FROM events ORDER BY seq LIMIT 1)"))
    ends += list(db.query("SELECT * FROM events ORDER BY seq DESC LIMIT 1"))
    if ends and not any(recorded_event(row, "").event.id(site, instance) == row["event_id"] for row in ends):
        raise BadBackup(backup, f'it is not of site "{site}", instance "{instance}", as the configuration names them')


def _highest_seen(catalog: Path) -> int:
    """The highest number that consumers may have been sent, as far as anybody remembers."""
    note = read_note(catalog)
    seen = [note.seq] if note else []
    with (
        suppress(sqlite3.Error),  # it may be what has to be replaced
        closing(sqlite3.connect(f"{catalog.resolve().as_uri()}?mode=ro", uri=True)) as connection,
    ):
        seen.append(connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])
    return max(seen, default=0)
