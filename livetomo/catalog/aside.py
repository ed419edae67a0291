"""A catalog is never deleted: it and what SQLite keeps beside it are renamed, by the time at which that was done."""

import logging
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

LOGS = ("-wal", "-shm")
NOTE = ".last"

log = logging.getLogger(__name__)


def aside_name(catalog: Path) -> Path:
    """What the catalog is called once it is set aside, now."""
    return catalog.with_name(f"{catalog.name}.{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")


def set_aside(catalog: Path, endings: tuple[str, ...] = ("", *LOGS, NOTE), to: Path | None = None) -> Path | None:
    """Rename the catalog's files with these endings; what the catalog is called now, or None where none was there.

    SQLite's log of a catalog that is not there any more is set aside, too: it would be taken for the next one's.
    """
    to = aside_name(catalog) if to is None else to
    parts = [ending for ending in endings if catalog.with_name(catalog.name + ending).exists()]
    for ending in parts:
        catalog.with_name(catalog.name + ending).rename(to.with_name(to.name + ending))
    return to if parts else None


def set_strange_log_aside(catalog: Path) -> None:
    """Where a backup was copied over a catalog by hand, set the log aside that the old one has left beside it.

    SQLite would write it into the backup, which then is damaged, or is what was to be replaced. A backup says of itself
    that nobody has worked with it yet (`mark_as_copy`), so that no log can be its own.
    """
    if not catalog.with_name(f"{catalog.name}-wal").exists() or not is_untouched_copy(catalog):
        return
    if (aside := set_aside(catalog, LOGS)) is not None:
        log.warning(f"the log beside {catalog.name} belongs to another catalog; it is now {aside.name}-wal")


def is_untouched_copy(catalog: Path) -> bool:
    """Whether the file itself, without any log, is a copy that nobody has opened for work."""
    try:
        connection = sqlite3.connect(f"{catalog.resolve().as_uri()}?immutable=1", uri=True)
        try:
            row = connection.execute("SELECT epoch FROM epochs ORDER BY number DESC LIMIT 1").fetchone()
        finally:
            connection.close()
    except sqlite3.Error:
        return False  # it is no copy of ours; what opens it next says what is wrong with it
    return row is not None and row[0] == ""
