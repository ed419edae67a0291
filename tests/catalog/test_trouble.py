"""Another program's lock, a full disk, a changed owner: waited for; damage: said at once."""

import asyncio
import logging
import sqlite3
from contextlib import closing

import pytest

from livetomo.catalog import catalog as module
from livetomo.catalog.catalog import CatalogThread
from livetomo.catalog.database import open_database, read_database
from livetomo.catalog.faults import Meaning, meaning, sentence
from livetomo.core.errors import CatalogBusy, CatalogCorrupt
from tests.catalog.test_event_log import event

# https://www.sqlite.org/rescode.html, every code that a file of ours can meet, with whole codes where these differ.
TABLE = {
    Meaning.WAIT: (
        *("SQLITE_BUSY", "SQLITE_BUSY_RECOVERY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_TIMEOUT"),
        *("SQLITE_LOCKED", "SQLITE_LOCKED_SHAREDCACHE", "SQLITE_FULL", "SQLITE_NOMEM", "SQLITE_PROTOCOL"),
        *("SQLITE_IOERR", "SQLITE_IOERR_READ", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_SHORT_READ"),
        *("SQLITE_IOERR_LOCK", "SQLITE_IOERR_SHMOPEN", "SQLITE_IOERR_SHMMAP", "SQLITE_IOERR_DELETE"),
        *("SQLITE_IOERR_NOMEM", "SQLITE_CANTOPEN", "SQLITE_CANTOPEN_FULLPATH", "SQLITE_READONLY"),
        *("SQLITE_READONLY_DBMOVED", "SQLITE_READONLY_CANTLOCK", "SQLITE_READONLY_DIRECTORY", "SQLITE_PERM"),
        *("SQLITE_INTERRUPT", "SQLITE_SCHEMA", "SQLITE_ABORT_ROLLBACK"),
    ),
    Meaning.DAMAGE: (
        *("SQLITE_CORRUPT", "SQLITE_CORRUPT_VTAB", "SQLITE_CORRUPT_INDEX", "SQLITE_CORRUPT_SEQUENCE"),
        *("SQLITE_NOTADB", "SQLITE_IOERR_CORRUPTFS", "SQLITE_IOERR_DATA"),
    ),
    Meaning.CONFIGURATION: ("SQLITE_CANTOPEN_ISDIR", "SQLITE_NOLFS"),
    Meaning.PROGRAM: ("SQLITE_ERROR", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_MISUSE", "SQLITE_RANGE", "SQLITE_MISMATCH"),
}
# Codes that this Python has no name for.
CODES = {"SQLITE_IOERR_DATA": 10 | 32 << 8, "SQLITE_IOERR_CORRUPTFS": 10 | 33 << 8}


def fault(name: str) -> sqlite3.OperationalError:
    one = sqlite3.OperationalError(name)
    one.sqlite_errorcode = CODES.get(name) or getattr(sqlite3, name)
    return one


@pytest.mark.parametrize(("name", "expected"), [(name, what) for what, names in TABLE.items() for name in names])
def test_each_of_sqlites_errors_is_distinguished_from_the_others(name, expected):
    assert meaning(fault(name)) is expected
    if expected is Meaning.WAIT:
        assert name in sentence(fault(name), "catalog.sqlite")


def test_what_this_user_may_not_write_is_a_person_s_business_at_the_start_alone():
    for name in ("SQLITE_READONLY", "SQLITE_PERM", "SQLITE_READONLY_DIRECTORY"):
        assert meaning(fault(name), at_start=True) is Meaning.CONFIGURATION
    assert meaning(fault("SQLITE_BUSY"), at_start=True) is Meaning.WAIT


def test_an_error_without_a_code_is_the_programs_own():
    assert meaning(sqlite3.ProgrammingError("bindings")) is Meaning.PROGRAM


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(module, "LOCK_SECONDS", 0.02)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalog.sqlite"


LOCKS = {
    "a writer": ("BEGIN IMMEDIATE",),
    "an exclusive transaction": ("BEGIN EXCLUSIVE",),
    "an exclusive connection": ("PRAGMA locking_mode = EXCLUSIVE", "BEGIN IMMEDIATE", "DELETE FROM cursors", "COMMIT"),
}


@pytest.mark.parametrize("statements", LOCKS.values(), ids=LOCKS)
async def test_a_lock_that_another_program_holds_at_the_start_is_waited_for(path, quick, caplog, statements):
    open_database(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        other.execute(statement)
    thread = CatalogThread(path, site="here", instance="main")
    with caplog.at_level(logging.INFO):
        await thread.open()
        asking = asyncio.create_task(thread(lambda catalog: catalog.event_log.append(event("a"))))
        done, _ = await asyncio.wait([asking], timeout=0.3)
        assert not done
        assert "locked by another program" in thread.trouble
        assert await asyncio.wait_for(thread.last_seq(), 2) == 0, "its thread is alive, and answers"
        other.close()
        await asyncio.wait_for(asking, 5)
    assert thread.trouble == ""
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"], "said once, and once that it is over"
    assert await thread.last_seq() == 1
    await thread.close()


async def test_while_another_program_writes_readers_go_on_and_writers_wait(path, quick):
    thread = CatalogThread(path, site="here", instance="main")
    await thread.open()
    await thread(lambda catalog: catalog.event_log.append(event("a")))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writers = [
        asyncio.create_task(thread(lambda each, name=name: each.event_log.append(event(name)))) for name in "bcdef"
    ]
    await asyncio.wait(writers, timeout=0.2)
    for _ in range(5):
        assert [r.seq for r in await asyncio.wait_for(thread.events_after(0, 10), 0.5)] == [1]
    assert not any(writer.done() for writer in writers)
    other.execute("ROLLBACK")
    await asyncio.wait_for(asyncio.gather(*writers), 5)
    assert sorted(r.event.version for r in await thread.events_after(0, 10)) == list("abcdef")
    assert thread.trouble == ""
    await thread.close()
    other.close()


async def test_who_gives_up_waiting_does_not_end_the_trouble(path, quick):
    thread = CatalogThread(path, site="here", instance="main")
    await thread.open()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer = asyncio.create_task(thread(lambda catalog: catalog.event_log.append(event("a"))))
    await asyncio.wait([writer], timeout=0.1)
    writer.cancel()
    await asyncio.wait([writer])
    assert thread.trouble
    other.close()
    await thread(lambda catalog: catalog.event_log.append(event("a")))
    assert thread.trouble == ""
    await thread.close()


async def test_damage_that_shows_while_the_daemon_runs_is_said_with_the_cure(path, quick):
    thread = CatalogThread(path, site="here", instance="main")
    await thread.open()

    def damaged(catalog):
        raise fault("SQLITE_CORRUPT")

    with pytest.raises(CatalogCorrupt, match=r"livetomo restore FILE.*livetomo rebuild"):
        await thread(damaged)
    await thread.close()


def test_a_reader_says_that_the_catalog_is_locked_not_that_the_configuration_is_wrong(path):
    with closing(open_database(path)):
        pass
    other = sqlite3.connect(path, isolation_level=None)
    for statement in LOCKS["an exclusive connection"]:
        other.execute(statement)
    with pytest.raises(CatalogBusy, match="locked by another program"):
        read_database(path, patience=0.05)
    other.close()
    path.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(CatalogCorrupt):
        read_database(path)
