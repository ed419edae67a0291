"""The catalog's file: opened by one process, safe against a power cut, refused where SQLite cannot be trusted."""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import IO

from sqlite_utils import Database

from livetomo.catalog.schema import migrate, schema
from livetomo.errors import CatalogCorrupt, ConfigurationError, StateBusy


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


def open_database(path: Path | None) -> Database:
    """The catalog at `path` (None: in memory), checked and up to date. The thread that opens it owns it.

    Write-ahead log with full synchronisation: what has been committed is there after a power cut.

    Raises:
        CatalogCorrupt: SQLite finds the file damaged.
        ConfigurationError: it was written by a newer livetomo.
    """
    connection = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as fault:
        verdict = str(fault)
    if verdict != "ok":
        connection.close()
        raise CatalogCorrupt(path or Path(":memory:"), verdict)
    db = Database(connection)
    migrate(db)
    return db


def read_database(path: Path) -> Database:
    """The catalog at `path` for reading alone, whether or not a daemon is at work with it.

    Raises:
        ConfigurationError: it is not there, cannot be read, or was last used by an older livetomo.
    """
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no catalog. Has the daemon been started with this configuration?")
    try:
        db = Database(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30))
        pending = schema.pending(db)
    except sqlite3.Error as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault})") from None
    if pending:
        db.close()
        raise ConfigurationError(f"{path}: was last used by an older livetomo; start the daemon once with this one")
    return db


def copy_database(db: Database, path: Path) -> None:
    """A whole and consistent copy of `db` at `path`, in place of what is there."""
    path.unlink(missing_ok=True)
    copy = sqlite3.connect(path)
    try:
        db.conn.backup(copy)
    finally:
        copy.close()
