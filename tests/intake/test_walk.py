"""A real tree with everything that a file system can hold."""

import os

import pytest

from livetomo.config.patterns import ExcludedPaths
from livetomo.intake.tree import NotAFile, Tree
from livetomo.intake.walk import Walk
from tests.intake.fakes import mrc


def seen(root) -> dict[str, list[str]]:
    walk = Walk(Tree(root), ExcludedPaths(["**/frames/**"]))
    return {one.folder: sorted(entry.name for entry in one.files) for one in walk.everything() if not one.error}


def test_each_folder_is_seen_once_however_many_links_lead_to_it(tmp_path):
    root, outside = tmp_path / "data", tmp_path / "outside"
    (root / "s").mkdir(parents=True)
    (outside / "t").mkdir(parents=True)
    (root / "s" / "a.mrc").write_bytes(mrc())
    (outside / "t" / "b.mrc").write_bytes(mrc())
    (root / "s" / "loop").symlink_to("..")
    (root / "again").symlink_to("s")
    (root / "up").symlink_to(tmp_path)
    (root / "out").symlink_to(outside)
    (root / "out2").symlink_to(outside / "t")
    (outside / "back").symlink_to(root)
    found = seen(root)
    assert sorted(name for names in found.values() for name in names) == ["a.mrc", "b.mrc"]
    assert found["out/t"] == ["b.mrc"]


def test_hidden_and_excluded_folders_are_not_listed(tmp_path):
    for folder in (".snapshot", "s/frames", "s/.attempt-1", "s/t"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.mrc").write_bytes(b"")
    assert set(seen(tmp_path)) == {"", "s", "s/t"}


BINS = (
    *("#recycle", "@Recycle", "$RECYCLE.BIN", "RECYCLER", ".Trash-1000", ".Trashes", ".recycle", "lost+found"),
    *(".snapshot", "~snapshot", "#snapshot", ".snapshots", "@Recently-Snapshot", "@GMT-2026.11.25-10.00.00"),
    *("@eaDir", "@tmp", "System Volume Information", "Network Trash Folder", "#Recycle", "$Recycle.Bin"),
)
NO_BINS = ("recycle", "Trash2", "snapshots", "20261120_recycled", "#1", "@krios", "lost")


@pytest.mark.parametrize("name", BINS)
def test_what_was_deleted_is_not_looked_for_in_the_bins_of_file_servers(tmp_path, tree, facility, name):
    (tmp_path / "s" / name / "2026").mkdir(parents=True)
    (tmp_path / "s" / name / "2026" / "a.mrc").write_bytes(mrc())
    assert set(seen(tmp_path)) == {"", "s"}
    intake = facility()
    intake.run(10)
    tree.write(f"{name}/2026/TS_01.mrc", mrc())
    intake.watcher.hints([(f"{name}/2026/TS_01.mrc", False), (name, True)])
    assert not intake.watcher.is_settling


@pytest.mark.parametrize("name", NO_BINS)
def test_a_session_that_is_called_like_a_bin_is_looked_at(tmp_path, name):
    (tmp_path / name).mkdir()
    assert name in seen(tmp_path)


def test_the_root_may_be_a_link_itself(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.mrc").write_bytes(b"")
    (tmp_path / "data").symlink_to("real")
    assert seen(tmp_path / "data") == {"": ["a.mrc"]}


def test_a_fifo_is_never_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mrc")
    with pytest.raises(NotAFile):
        Tree(tmp_path).look("pipe.mrc")
    with pytest.raises(NotAFile):
        Tree(tmp_path).text("pipe.mrc")


def test_a_name_that_is_not_text_is_seen_and_bothers_nobody(tmp_path):
    (tmp_path / os.fsdecode(b"\xff.mrc")).write_bytes(b"")
    assert len(seen(tmp_path)[""]) == 1
