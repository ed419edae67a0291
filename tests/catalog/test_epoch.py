"""A catalog that is put back, by whatever means, begins a new epoch; one that goes on does not."""

import asyncio
import logging
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.catalog.database import copy_database, open_database
from livetomo.catalog.highwater import Keeper, high_water, note_of, read_note, write_note
from livetomo.catalog.schema import schema
from tests.catalog.test_event_log import event


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "catalog.sqlite"


class Run:
    """A daemon's hold on the catalog from its start to its end, with the note that it keeps."""

    def __init__(self, path):
        path.parent.mkdir(exist_ok=True)
        self.path = path

    def __enter__(self):
        self.catalog = Catalog(open_database(self.path), site="here", instance="main")
        self.epoch = self.catalog.event_log.epoch().id
        return self

    def __exit__(self, *_):
        write_note(self.path, high_water(self.catalog.db))
        self.catalog.db.close()

    def append(self, *versions: str) -> None:
        for version in versions:
            self.catalog.event_log.append(event(version))

    def versions(self) -> list[str]:
        return [one.event.version for one in self.catalog.event_log.after(0, 100)]


def test_a_catalog_that_goes_on_keeps_its_epoch_and_its_numbers(path):
    with Run(path) as first:
        first.append("a", "b")
    with Run(path) as second:
        second.append("c")
        assert [one.seq for one in second.catalog.event_log.after(0, 10)] == [1, 2, 3]
        assert second.epoch == first.epoch
        assert {one.epoch for one in second.catalog.event_log.after(0, 10)} == {first.epoch}


def by_backup(run: Run, copy) -> None:
    copy_database(run.catalog.db, copy)


def by_sqlite3(run: Run, copy) -> None:
    """As `sqlite3 catalog.sqlite ".backup copy"`, which knows nothing of us."""
    with closing(sqlite3.connect(copy)) as other:
        run.catalog.db.conn.backup(other)


@pytest.mark.parametrize("copied", [by_backup, by_sqlite3])
def test_a_copy_that_is_put_back_begins_a_new_epoch_each_time_numbered_above_all_before(path, tmp_path, copied):
    with Run(path) as run:
        run.append("a", "b")
        copied(run, tmp_path / "copy.sqlite")
        run.append("c", "d")
        epochs, highest, catalog = [run.epoch], 4, run.catalog.event_log.epoch().catalog
    for _ in range(2):
        shutil.copyfile(tmp_path / "copy.sqlite", path)
        with Run(path) as run:
            assert run.versions() == ["a", "b"]
            run.append("x", "y")
            epochs.append(run.epoch)
            numbers = [one.seq for one in run.catalog.event_log.after(2, 10)]
            assert min(numbers) > highest
            highest = max(numbers)
            assert run.catalog.event_log.epoch().catalog == catalog
        with Run(path) as run:
            assert run.epoch == epochs[-1], "once"
    assert len(set(epochs)) == 3


def test_a_backup_says_of_itself_that_it_is_one_file_and_needs_no_note(path, tmp_path):
    with Run(path) as run:
        run.append("a")
        copy_database(run.catalog.db, tmp_path / "copy.sqlite")
    assert [one.name for one in tmp_path.glob("copy.sqlite*")] == ["copy.sqlite"]
    note_of(path).unlink()
    shutil.copyfile(tmp_path / "copy.sqlite", path)
    with Run(path) as again:
        assert again.epoch != run.epoch


def test_what_waits_to_be_published_is_counted_across_the_gap_of_a_new_epoch(path, tmp_path):
    with Run(path) as run:
        run.append("a", "b", "c")
        run.catalog.event_log.move_cursor("mqtt", 1)
        copy_database(run.catalog.db, tmp_path / "copy.sqlite")
    shutil.copyfile(tmp_path / "copy.sqlite", path)
    with Run(path) as run:
        assert run.catalog.event_log.backlog("mqtt")[0] == 2
        run.append("x", "y")
        assert run.catalog.event_log.backlog("mqtt")[0] == 4
        x = run.catalog.event_log.after(3, 1)[0].seq
        run.catalog.event_log.move_cursor("mqtt", x)
        assert run.catalog.event_log.backlog("mqtt")[0] == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import copy_database, open_database
from tests.catalog.test_event_log import event
catalog = Catalog(open_database(Path(sys.argv[1])), site="here", instance="main")
for version in "ab":
    catalog.event_log.append(event(version))
copy_database(catalog.db, Path(sys.argv[2]))
for version in "cdef":
    catalog.event_log.append(event(version))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_backup_that_is_copied_over_a_killed_daemons_catalog_is_what_counts(path, tmp_path, caplog):
    path.parent.mkdir()
    copy = tmp_path / "copy.sqlite"
    subprocess.run([sys.executable, "-c", KILLED, str(path), str(copy)], cwd=Path.cwd(), check=False)
    assert path.with_name("catalog.sqlite-wal").stat().st_size > 0
    shutil.copyfile(copy, path)
    with caplog.at_level(logging.WARNING), Run(path) as run:
        assert run.versions() == ["a", "b"]
        assert "belongs to another catalog" in caplog.text
        run.append("x")
    assert list(path.parent.glob("catalog.sqlite.*Z-wal")), "set aside, not deleted"
    with Run(path) as again:
        assert again.versions() == ["a", "b", "x"]


def test_a_killed_daemons_own_log_is_never_set_aside(path, tmp_path):
    path.parent.mkdir()
    subprocess.run([sys.executable, "-c", KILLED, str(path), str(tmp_path / "copy")], cwd=Path.cwd(), check=False)
    with Run(path) as run:
        assert run.versions() == list("abcdef")
    assert not list(path.parent.glob("*Z*"))


def test_a_catalog_from_before_there_were_epochs_gets_one_and_keeps_its_numbers(path):
    path.parent.mkdir()
    db = Database(sqlite3.connect(path, isolation_level=None))
    schema.apply(db, stop_before="004_epoch")
    db.execute(
        """INSERT INTO events (event_id, time, kind, watch, session, tomogram, revision, recipe, version, body)
           VALUES ('one', 'now', 'state', 'w', 's', 't', 1, 'r', 'v', '{}')"""
    )
    db.close()
    with Run(path) as run:
        run.append("a")
        assert [(one.seq, bool(one.epoch)) for one in run.catalog.event_log.after(0, 10)] == [(1, True), (2, True)]
        assert run.catalog.event_log.backlog("mqtt")[0] == 2


@pytest.mark.parametrize("content", ["", "{", '{"epoch": 1}', "[1]", "\0"])
def test_a_note_that_cannot_be_read_is_written_anew(path, content):
    with Run(path) as run:
        run.append("a")
    note_of(path).write_text(content)
    with Run(path) as again:
        assert again.epoch == run.epoch
    assert read_note(path).seq == 1


async def test_the_running_daemon_keeps_the_note_up_to_date(path, monkeypatch):
    monkeypatch.setattr("livetomo.catalog.highwater.NOTE_SECONDS", 0.01)
    path.parent.mkdir()
    thread = CatalogThread(path, site="here", instance="main")
    await thread.open()
    keeping = asyncio.create_task(Keeper(thread, path).run())
    for number, version in enumerate("abc", start=1):
        await thread(lambda catalog, version=version: catalog.event_log.append(event(version)))
        async with asyncio.timeout(5):
            while read_note(path).seq != number:  # noqa: ASYNC110  (a file: nothing rings)
                await asyncio.sleep(0.01)
    keeping.cancel()
    await thread.close()
