"""Content that has been dealt with is known wherever it goes, and a different tomogram is never taken for it."""

import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.rebuild import rebuild
from livetomo.intake.tree import Tree
from tests.intake.fakes import Clock, FakeTree, mrc
from tests.intake.joined import Joined


def volume(what: str, size: int = 200) -> bytes:
    return mrc((4, 6, size // 24 + 1), fill=what.encode() + b"0123456789")


@pytest.fixture
def one() -> Joined:
    return begin()


def begin(**settings) -> Joined:
    joined = Joined(FakeTree(), Clock(), **settings)
    joined.run(5)
    return joined


def put(one: Joined, *paths: str) -> None:
    for path in paths:
        one.tree.write(path, volume(path))


def move_folder(one: Joined, old: str, new: str) -> None:
    for path in [path for path in one.tree.files if path.startswith(f"{old}/")]:
        one.tree.rename(path, new + path[len(old) :])


def paths(one: Joined) -> dict[str, str]:
    return {f"{row['session']}/{row['name']}": row["path"] for row in one.catalog.db.query("SELECT * FROM tomograms")}


@pytest.mark.parametrize("is_processed", [True, False])
def test_a_session_that_is_renamed_and_archived_stays_what_it_is(one, is_processed):
    put(one, "tmp/TS_01.mrc", "tmp/TS_02.mrc")
    one.run(60)
    if is_processed:
        one.process()
    events = one.catalog.event_log.last()
    for old, new in (("tmp", "yeast"), ("yeast", "2026/yeast")):
        move_folder(one, old, new)
        one.run(60)
        assert paths(one) == {f"tmp/{name}": f"{new}/{name}.mrc" for name in ("TS_01", "TS_02")}
    assert (len(one.jobs()), one.catalog.event_log.last()) == (2, events)
    assert [view.session for view in one.catalog.views.sessions()] == ["tmp"]
    one.process()
    assert {state for _, _, state in one.jobs()} == {"done"}
    one.restart()
    offers = one.offers
    one.run(60)
    assert one.offers == offers
    one.tree.write("2026/yeast/TS_01.mrc", volume("new"))
    one.run(60)
    assert one.jobs()[-1] == ("tmp/TS_01", 2, "waiting"), "rewritten where it is now, it is its next revision"


def test_halves_are_found_where_they_are_now(one):
    put(one, "tmp/TS_01.mrc", "tmp/TS_01_even.mrc", "tmp/TS_01_odd.mrc")
    one.run(60)
    move_folder(one, "tmp", "yeast")
    one.run(60)
    claim = one.catalog.jobs.claim("cpu", 60, ["krios1"])
    assert (claim.path, claim.halves) == (
        "yeast/TS_01.mrc",
        {"even": "yeast/TS_01_even.mrc", "odd": "yeast/TS_01_odd.mrc"},
    )


@pytest.mark.parametrize("copy", ["yeast/TS_01 (copy).mrc", "yeast/backup/TS_01.mrc", "other/TS_01.mrc", "2026/x.mrc"])
@pytest.mark.parametrize("keeps_time", [True, False])
def test_a_copy_is_not_processed_again_and_is_said(one, copy, keeps_time):
    put(one, "yeast/TS_01.mrc")
    one.run(60)
    file = one.tree.files["yeast/TS_01.mrc"]
    one.tree.write(copy, file.data, modified_ns=file.modified_ns if keeps_time else None)
    for _ in range(2):
        one.run(120)
        assert len(one.jobs()) == 1
        assert set(one.said) <= {(copy, "yeast/TS_01.mrc")}
        one.restart()
    read = len(one.tree.voxels_read)
    one.run(120)
    assert len(one.tree.voxels_read) == read, "it is not read again and again"


def test_a_copy_that_changes_is_a_tomogram_of_its_own(one):
    put(one, "yeast/TS_01.mrc")
    one.run(60)
    one.tree.write("other/TS_01.mrc", volume("yeast/TS_01.mrc"))
    one.run(60)
    put(one, "other/TS_01.mrc")
    one.run(60)
    assert [name for name, _, _ in one.jobs()] == ["yeast/TS_01", "other/TS_01"]


def test_a_copy_takes_the_place_of_an_original_that_is_removed_later(one):
    """As a move to another file system, or rsync --remove-source-files, look."""
    put(one, "yeast/TS_01.mrc")
    one.run(60)
    one.tree.write("2026/TS_01.mrc", volume("yeast/TS_01.mrc"))
    one.run(60)
    one.tree.delete("yeast/TS_01.mrc")
    one.run(60)
    assert paths(one) == {"yeast/TS_01": "2026/TS_01.mrc"}
    assert len(one.jobs()) == 1


def test_blank_files_are_nobodys_copies(one):
    blank = mrc((4, 6, 8))
    one.tree.write("s/TS_01.mrc", blank)
    one.tree.write("s/TS_02.mrc", blank)
    one.run(60)
    one.tree.rename("s/TS_02.mrc", "t/TS_02.mrc")
    one.run(60)
    one.tree.write("t/TS_02.mrc", volume("filled at last"))
    one.run(60)
    assert [(name, number) for name, number, _ in one.jobs()] == [
        ("s/TS_01", 1),
        ("s/TS_02", 1),
        ("t/TS_02", 1),
        ("t/TS_02", 2),
    ]


def test_bad_files_that_are_alike_are_each_put_aside(one):
    for name in ("TS_01", "TS_02"):
        one.tree.write(f"monday/{name}.mrc", volume("x")[:-4])
        one.tree.write(f"monday/text{name}.mrc", b"not a tomogram " * 200)
    one.run(600)
    assert sorted(one.jobs()) == [
        (f"monday/{name}", 1, "failed") for name in ("TS_01", "TS_02", "textTS_01", "textTS_02")
    ]


def test_a_session_folder_that_is_used_again_holds_new_tomograms(one):
    put(one, "current/TS_01.mrc")
    one.run(60)
    one.process()
    one.tree.rename("current/TS_01.mrc", "2026/monday/TS_01.mrc")
    one.tree.write("current/TS_01.mrc", volume("of tuesday"))
    one.run(180)
    assert paths(one) == {"current/TS_01": "2026/monday/TS_01.mrc", "current/TS_01-2": "current/TS_01.mrc"}
    results = one.process()
    assert {state for _, _, state in one.jobs()} == {"done"}
    again = Catalog(open_database(None), site="here", instance="main", now=one.catalog.now)
    rebuild(again, results)
    assert len(again.arrivals.known_files("krios1")) == 1


def test_a_backup_that_is_put_beside_a_rewritten_file_is_no_move(one):
    put(one, "s/TS_01.mrc")
    one.run(60)
    one.tree.rename("s/TS_01.mrc", "s/TS_01_old.mrc")
    one.tree.write("s/TS_01.mrc", volume("better"))
    one.run(180)
    assert one.jobs()[-1][:2] in (("s/TS_01", 2), ("s/TS_01_old", 1))
    assert ("s/TS_01", 2) in {job[:2] for job in one.jobs()}


def test_a_moved_file_that_was_rewritten_is_a_tomogram_of_its_own(one):
    put(one, "a/TS_01.mrc")
    one.run(60)
    one.tree.delete("a/TS_01.mrc")
    one.tree.write("b/TS_01.mrc", volume("another"))
    one.run(60)
    assert [name for name, _, _ in one.jobs()] == ["a/TS_01", "b/TS_01"]


def rename_all(one: Joined) -> None:
    for number, path in enumerate(list(one.tree.files)):
        one.tree.rename(path, f"2025_old/{number}_lysosome.mrc")


@pytest.mark.parametrize(
    "change",
    [
        lambda one: move_folder(one, "2025_old", "2025_old_lysosomes"),
        lambda one: move_folder(one, "2025_old", "archive/2025/old"),
        rename_all,
    ],
)
def test_what_was_left_alone_stays_left_alone_wherever_it_is_moved(change):
    tree = FakeTree()
    for number in range(3):
        tree.write(f"2025_old/TS_{number}.mrc", volume(str(number)))
    one = Joined(tree, Clock(), since="now")
    one.run(60)
    change(one)
    one.run(120)
    one.restart()
    one.run(120)
    assert (one.jobs(), one.tree.voxels_read) == ([], [])
    put(one, "2026_new/TS_0.mrc")
    first = next(iter(one.tree.files))
    put(one, first)
    one.run(60)
    assert len(one.jobs()) == 2, "new files, and old ones that change, are taken"


def test_a_new_file_is_no_moved_old_one_though_its_server_knows_no_times():
    tree = FakeTree()
    tree.write("old/TS_01.mrc", volume("old"), modified_ns=0)
    one = Joined(tree, Clock(), since="now")
    one.run(60)
    tree.delete("old/TS_01.mrc")
    tree.write("new/TS_01.mrc", volume("new"), modified_ns=0)
    one.run(60)
    assert len(one.jobs()) == 1


NAMES = st.sampled_from([f"{folder}/TS_{number}.mrc" for folder in ("a", "b", "c") for number in (1, 2)])
DEEDS = st.lists(
    st.tuples(st.sampled_from(["write", "move", "copy", "delete"]), NAMES, NAMES, st.integers(0, 5)), max_size=8
)


@settings(max_examples=60, deadline=None)
@given(DEEDS)
def test_whatever_is_moved_copied_and_rewritten_every_content_that_stays_is_processed_and_none_twice(deeds):
    one = begin()
    for deed, path, other, content in deeds:
        if deed == "write":
            one.tree.write(path, volume(str(content)))
        elif path in one.tree.files and other != path:
            if deed == "move":
                one.tree.rename(path, other)
            elif deed == "copy":
                one.tree.write(other, one.tree.files[path].data)
            else:
                one.tree.delete(path)
        one.run(90)
    digests = [row["digest"] for row in one.catalog.db.query("SELECT digest FROM revisions")]
    assert {one.tree.content(path).digest for path in one.tree.files} <= set(digests)
    offers = one.offers
    one.restart()
    one.run(90)
    assert one.offers == offers


def test_real_files_are_compared_to_the_last_byte(tmp_path):
    """Samples may agree where a bead was erased in between; then only the bytes show it."""
    from livetomo.core.tomogram import KnownFile
    from livetomo.intake.known import Known
    from livetomo.intake.origins import Origins
    from livetomo.system.sampled_digest import digest_file

    original, erased = tmp_path / "TS_01.mrc", tmp_path / "TS_01_erased.mrc"
    original.write_bytes(volume("x", 6_000_000))
    shutil.copyfile(original, erased)
    tree = Tree(tmp_path)
    known = Known([KnownFile("TS_01.mrc", digest_file(original))])
    assert Origins(tree, known, lambda: None).of("TS_01_erased.mrc", digest_file(erased)).is_copy
    with erased.open("r+b") as file:
        file.seek(100_000)  # between two samples
        file.write(b"erased")
    assert digest_file(erased).digest == digest_file(original).digest
    assert Origins(tree, known, lambda: None).of("TS_01_erased.mrc", digest_file(erased)) is None
