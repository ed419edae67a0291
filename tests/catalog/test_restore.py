"""A backup is put in force beside whatever the old daemon has left, or nothing is changed."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from livetomo.catalog.database import copy_database, open_database
from livetomo.catalog.highwater import read_note
from livetomo.catalog.rebuild import FoundResult, knows_better, record_results
from livetomo.catalog.restore import restore
from livetomo.core.errors import BadBackup
from tests.catalog.conftest import arrival, manifest, rewritten
from tests.catalog.test_epoch import KILLED, Run, by_backup, by_sqlite3

ORIGIN = {"site": "here", "instance": "main"}


@pytest.fixture
def state(tmp_path):
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


@pytest.fixture
def path(state):
    return state / "catalog.sqlite"


def killed(path: Path, copy: Path) -> None:
    """A daemon that recorded six events, was copied after the second, and was killed."""
    subprocess.run([sys.executable, "-c", KILLED, str(path), str(copy)], cwd=Path.cwd(), check=False)


def end(how: str, path: Path, copy: Path) -> None:
    """The state as the daemon's end has left it."""
    killed(path, copy)
    log = path.with_name("catalog.sqlite-wal")
    match how:
        case "stopped":
            with closing(open_database(path)):
                pass
        case "damaged":
            path.write_bytes(b"\0" * 5000)
        case "damaged, without a log":
            path.write_bytes(b"\0" * 5000)
            log.unlink()
        case "only the log is left":
            path.unlink()
        case "nothing is left":
            for part in path.parent.iterdir():
                part.unlink()


@pytest.mark.parametrize(
    "how", ["killed", "stopped", "damaged", "damaged, without a log", "only the log is left", "nothing is left"]
)
@pytest.mark.parametrize("copied", [by_backup, by_sqlite3])
def test_a_backup_is_what_counts_however_the_daemon_has_ended(path, tmp_path, how, copied):
    copy = tmp_path / "copy.sqlite"
    end(how, path, tmp_path / "other.sqlite")
    (tmp_path / "elsewhere").mkdir()
    with Run(tmp_path / "elsewhere" / "catalog.sqlite") as run:
        run.append("a", "b")
        copied(run, copy)
    before = {part.name: part.read_bytes() for part in path.parent.iterdir() if "-shm" not in part.name}
    aside = restore(copy, path, **ORIGIN)
    assert sorted(p.name for p in path.parent.iterdir() if p.name.startswith(".")) == []
    if aside is not None:
        kept = {p.name.removeprefix(aside.name): p.read_bytes() for p in path.parent.glob(f"{aside.name}*")}
        wanted = {name.removeprefix(path.name): held for name, held in before.items() if not name.endswith(".last")}
        assert {name: held for name, held in kept.items() if name != "-shm" and held} == wanted, "set aside, as it was"
    with Run(path) as again:
        assert again.versions() == ["a", "b"]
        again.append("x")
        assert again.catalog.event_log.after(2, 1)[0].seq > 6
        assert again.epoch not in ("", run.epoch)
        assert again.catalog.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_each_restore_begins_one_new_epoch_and_the_start_after_it_none(path, tmp_path):
    with Run(path) as run:
        run.append("a")
        copy_database(run.catalog.db, tmp_path / "copy.sqlite")
    epochs = {run.epoch}
    for number in range(1, 4):
        restore(tmp_path / "copy.sqlite", path, **ORIGIN)
        for _ in range(2):
            with Run(path) as again:
                epochs.add(again.epoch)
        assert len(epochs) == number + 1
    assert read_note(path).epoch == again.epoch


def bad_files(tmp_path: Path, good: Path) -> dict[str, tuple[Path, str]]:
    files = {}
    for name, content, why in (
        ("empty", b"", "no catalog of livetomo"),
        ("text", b"not a database " * 1000, "not a database"),
        ("truncated", good.read_bytes()[:9000], "damaged|malformed"),
        ("holed", good.read_bytes()[:4096] + bytes(8192) + good.read_bytes()[12288:], "damaged|malformed"),
    ):
        files[name] = tmp_path / name, why
        files[name][0].write_bytes(content)
    other = tmp_path / "other"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")
    return files | {"other": (other, "no catalog of livetomo"), "folder": (tmp_path, "directory")}


@pytest.mark.parametrize("name", ["empty", "text", "truncated", "holed", "other", "folder"])
def test_what_is_no_sound_catalog_changes_nothing(path, tmp_path, name):
    with Run(path) as run:
        run.append("a", "b")
        copy_database(run.catalog.db, tmp_path / "copy.sqlite")
    before = {part.name: part.read_bytes() for part in path.parent.iterdir()}
    backup, why = bad_files(tmp_path, tmp_path / "copy.sqlite")[name]
    with pytest.raises(BadBackup, match=rf"cannot be restored: .*({why}).*Nothing was changed"):
        restore(backup, path, **ORIGIN)
    assert {part.name: part.read_bytes() for part in path.parent.iterdir()} == before


def test_a_catalog_of_another_daemon_or_of_a_newer_livetomo_is_refused(path, tmp_path):
    with Run(path) as run:
        run.append("a")
        copy_database(run.catalog.db, tmp_path / "copy.sqlite")
    with pytest.raises(BadBackup, match=r'not of site "there", instance "main"'):
        restore(tmp_path / "copy.sqlite", path, site="there", instance="main")
    with closing(sqlite3.connect(tmp_path / "copy.sqlite")) as connection, connection:
        connection.execute("INSERT INTO _sqlite_migrations VALUES (99, 'livetomo', '999_future', 'later')")
    with pytest.raises(BadBackup, match="newer livetomo"):
        restore(tmp_path / "copy.sqlite", path, **ORIGIN)
    with pytest.raises(BadBackup, match="in force"):
        restore(path, path, **ORIGIN)


def test_what_was_made_after_the_backup_is_recorded_from_its_folders(path, tmp_path, recipe):
    """A waiting job of the backup is done by now; one tomogram is new to it, another has a newer revision."""
    results: list[FoundResult] = []
    with Run(path) as run:
        catalog = run.catalog

        def process(each, number):
            catalog.arrivals.take(each, "untrained", recipe)
            claim = catalog.jobs.claim("cpu", 60, ["krios1"])
            written = manifest(claim, finished=f"2026-11-20T12:00:0{number}Z")
            catalog.jobs.commit(claim.token, written, f"/results/{number}")
            results.append(FoundResult(written, f"/results/{number}", each.path))

        process(arrival("A"), 0)
        catalog.arrivals.take(arrival("B"), "untrained", recipe)
        copy_database(catalog.db, tmp_path / "copy.sqlite")
        process(arrival("B"), 1)
        process(arrival("C"), 2)
        process(rewritten(arrival("A")), 3)
        ids = {one.event_id for one in catalog.event_log.after(0, 100)}
    restore(tmp_path / "copy.sqlite", path, **ORIGIN)
    with Run(path) as again:
        catalog = again.catalog
        assert record_results(catalog, (f for f in results if not knows_better(catalog, f.manifest))) == 3
        assert {one.event_id for one in catalog.event_log.after(0, 100)} == ids
        assert catalog.views.job_counts() == {"done": 3, "superseded": 1}
        assert set(catalog.views.standing_results("krios1", "monday")) == {f"/results/{n}" for n in (1, 2, 3)}
        assert not catalog.arrivals.take(rewritten(arrival("A")), "untrained", recipe).new
        assert record_results(catalog, (f for f in results if not knows_better(catalog, f.manifest))) == 0
