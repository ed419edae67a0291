"""The catalog's file: opened by one process, safe against a power cut, refused where SQLite cannot be trusted."""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import IO

from sqlite_utils import Database

from livetomo.catalog.aside import set_strange_log_aside
from livetomo.catalog.epoch import mark_as_copy
from livetomo.catalog.faults import Meaning, meaning, sentence
from livetomo.catalog.highwater import high_water, read_note, settle_epoch, write_note
from livetomo.catalog.schema import migrate, schema
from livetomo.core.errors import CatalogBusy, CatalogCorrupt, ConfigurationError, LivetomoError, StateBusy

CATALOG_NAME = "catalog.sqlite"


def lock_state(state: Path) -> IO[str]:
    """Hold `state` for this process until the returned file is closed or the process ends, however it ends.

    Raises:
        StateBusy: another daemon holds it.
    """
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / "lock").open("a+")
    except OSError as fault:
        raise ConfigurationError(f'"state": {state} cannot be used ({fault.strerror}): {fault.filename}') from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise StateBusy(state) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def open_database(path: Path | None, *, patience: float = 30.0) -> Database:
    """The catalog at `path` (None: in memory), checked and up to date. The thread that opens it owns it.

    Write-ahead log with full synchronisation: what has been committed is there after a power cut. Each statement
    waits `patience` seconds for another program that has locked the file.

    Raises:
        CatalogCorrupt: SQLite finds the file damaged.
        ConfigurationError: it was written by a newer livetomo, or this user cannot write it.
        sqlite3.Error: trouble that passes (`faults.meaning`): try again.
    """
    where = path or Path(":memory:")
    connection = None
    try:
        if path is not None:
            set_strange_log_aside(path)
        connection = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=patience)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise CatalogCorrupt(where, verdict)
        db = Database(connection)
        migrate(db)
        if settle_epoch(db, read_note(path) if path else None) and path is not None:
            # In the file itself, not in its log: who looks at the file alone sees that it is in use.
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            write_note(path, high_water(db))
    except (sqlite3.Error, LivetomoError) as fault:
        if connection is not None:
            connection.close()
        if isinstance(fault, sqlite3.Error):
            refuse(fault, where, at_start=True)
        raise
    return db


def refuse(fault: sqlite3.Error, path: Path, *, at_start: bool = False) -> None:
    """Raise what `fault` means for a person; return where it is trouble that passes, or the program's own mistake.

    Raises:
        CatalogCorrupt: the file is damaged.
        ConfigurationError: a person has to change something.
    """
    what = meaning(fault, at_start=at_start)
    if what is Meaning.DAMAGE:
        raise CatalogCorrupt(path, str(fault)) from None
    if what is Meaning.CONFIGURATION:
        raise ConfigurationError(
            f"{path} cannot be written ({fault}). Give it and its folder to the user that the daemon runs as "
            "(chown), on a file system that is not read-only."
        ) from None


def read_database(path: Path, *, patience: float = 30.0) -> Database:
    """The catalog at `path` for reading alone, whether or not a daemon is at work with it.

    Raises:
        ConfigurationError: it is not there, cannot be read, or was last used by an older livetomo.
        CatalogBusy: another program has locked it for longer than `patience` seconds, or other trouble that passes.
        CatalogCorrupt: it is damaged.
    """
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no catalog. Has the daemon been started with this configuration?")
    try:
        db = Database(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=patience))
        pending = schema.pending(db)
    except sqlite3.Error as fault:
        what = meaning(fault)
        if what is Meaning.DAMAGE:
            raise CatalogCorrupt(path, str(fault)) from None
        if what is Meaning.WAIT:
            raise CatalogBusy(f"{sentence(fault, path)} Try again.") from None
        raise ConfigurationError(f"{path}: cannot be read ({fault})") from None
    if pending:
        db.close()
        raise ConfigurationError(f"{path}: was last used by an older livetomo; start the daemon once with this one")
    return db


def copy_database(db: Database, path: Path) -> None:
    """A whole and consistent copy of `db` at `path`, one file, in place of what is there.

    It is marked as a copy: a daemon that works with it begins a new epoch.
    """
    path.unlink(missing_ok=True)
    copy = sqlite3.connect(path, isolation_level=None)
    try:
        db.conn.backup(copy)
        mark_as_copy(Database(copy))
        copy.execute("PRAGMA journal_mode = DELETE")
    finally:
        copy.close()
