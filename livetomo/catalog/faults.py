"""What an error of SQLite means for the catalog: trouble that passes, damage, or something that a person must change.

The codes and what they stand for are at https://www.sqlite.org/rescode.html.
"""

import sqlite3
from enum import Enum
from pathlib import Path


class Meaning(Enum):
    """What is done about an error."""

    WAIT = "wait"
    DAMAGE = "damage"
    CONFIGURATION = "configuration"
    PROGRAM = "program"


# By primary code: the low byte of the code that SQLite gives.
_MEANINGS = {
    sqlite3.SQLITE_PERM: Meaning.WAIT,
    sqlite3.SQLITE_ABORT: Meaning.WAIT,
    sqlite3.SQLITE_BUSY: Meaning.WAIT,
    sqlite3.SQLITE_LOCKED: Meaning.WAIT,
    sqlite3.SQLITE_NOMEM: Meaning.WAIT,
    sqlite3.SQLITE_READONLY: Meaning.WAIT,
    sqlite3.SQLITE_INTERRUPT: Meaning.WAIT,
    sqlite3.SQLITE_IOERR: Meaning.WAIT,
    sqlite3.SQLITE_FULL: Meaning.WAIT,
    sqlite3.SQLITE_CANTOPEN: Meaning.WAIT,
    sqlite3.SQLITE_PROTOCOL: Meaning.WAIT,
    sqlite3.SQLITE_SCHEMA: Meaning.WAIT,
    sqlite3.SQLITE_CORRUPT: Meaning.DAMAGE,
    sqlite3.SQLITE_NOTADB: Meaning.DAMAGE,
    sqlite3.SQLITE_NOLFS: Meaning.CONFIGURATION,
}
# By whole code, where it says more than its primary one: what was read is not what was written.
_EXCEPTIONS = {
    sqlite3.SQLITE_IOERR | (32 << 8): Meaning.DAMAGE,  # SQLITE_IOERR_DATA, a checksum that does not fit
    sqlite3.SQLITE_IOERR | (33 << 8): Meaning.DAMAGE,  # SQLITE_IOERR_CORRUPTFS, the file system is damaged
    sqlite3.SQLITE_CANTOPEN | (2 << 8): Meaning.CONFIGURATION,  # SQLITE_CANTOPEN_ISDIR
}
# At a start nobody has worked with the file yet, and it will not change its owner by itself.
_AT_START = {sqlite3.SQLITE_PERM: Meaning.CONFIGURATION, sqlite3.SQLITE_READONLY: Meaning.CONFIGURATION}


def meaning(fault: sqlite3.Error, *, at_start: bool = False) -> Meaning:
    """What `fault` means; an error without a code, or one of the statement itself, is a mistake in the program."""
    code = getattr(fault, "sqlite_errorcode", None)
    if code is None:
        return Meaning.PROGRAM
    if at_start and code & 0xFF in _AT_START:
        return _AT_START[code & 0xFF]
    return _EXCEPTIONS.get(code, _MEANINGS.get(code & 0xFF, Meaning.PROGRAM))


_WAITS = {
    sqlite3.SQLITE_BUSY: "is locked by another program ({fault}). Does somebody use sqlite3 on it?",
    sqlite3.SQLITE_LOCKED: "is locked by another program ({fault}). Does somebody use sqlite3 on it?",
    sqlite3.SQLITE_PROTOCOL: "is locked by another program ({fault}). Does somebody use sqlite3 on it?",
    sqlite3.SQLITE_FULL: "cannot be written ({fault}). Is its disk full?",
    sqlite3.SQLITE_IOERR: "cannot be read or written ({fault}). Is its disk full, or failing?",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened ({fault}). Is its folder there, and does it belong to this user?",
    sqlite3.SQLITE_READONLY: "cannot be written ({fault}). Was its owner or mode changed, or was it replaced?",
    sqlite3.SQLITE_PERM: "cannot be written ({fault}). Was its owner or mode changed, or was it replaced?",
    sqlite3.SQLITE_NOMEM: "finds no memory ({fault}). What else runs on this machine?",
}


def sentence(fault: sqlite3.Error, path: Path) -> str:
    """What is wrong with the catalog at `path`, and where to look; `fault` is one that passes."""
    said = _WAITS.get(fault.sqlite_errorcode & 0xFF, "cannot be used at the moment ({fault}).")
    return f"the catalog {path} {said.format(fault=fault)}"
