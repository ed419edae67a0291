"""What the second look adds to the first."""

from livetomo.intake.dry_run import MOST_ALIKE, Survey
from livetomo.intake.settings import WatchSettings
from livetomo.intake.tree import Tree
from tests.intake.fakes import FakeTree, mrc


def survey_of(tree: FakeTree, *producers: str) -> dict[str, tuple[bool, str]]:
    survey = Survey(WatchSettings("krios1", "/data", producers=producers), tree)
    survey.look()
    return {file.path.removeprefix("/data/"): (file.taken, file.reason) for file in survey.report()}


def test_halves_that_stand_for_their_tomogram_are_said_to(tree):
    folder = "Tomograms/job008/tomograms"
    for name in ("rec_A_half1", "rec_A_half2", "rec_B_half1", "rec_C_half1", "rec_C_half2", "rec_C"):
        tree.write(f"{folder}/{name}.mrc", mrc(fill=name.encode()))
    tree.write("Tomograms/job008/RELION_JOB_EXIT_SUCCESS", b"")
    found = survey_of(tree, "relion5")
    assert {path.rpartition("/")[2].removesuffix(".mrc"): taken for path, (taken, _) in found.items()} == {
        **{"rec_A_half1": True, "rec_A_half2": True, "rec_B_half1": False},
        **{"rec_C": True, "rec_C_half1": True, "rec_C_half2": True},
    }
    assert found[f"{folder}/rec_A_half2.mrc"][1] == f"goes with {folder}/rec_A_half1.mrc"
    assert found[f"{folder}/rec_C_half1.mrc"][1] == f"goes with {folder}/rec_C.mrc"
    assert "without its partner" in found[f"{folder}/rec_B_half1.mrc"][1]


def test_a_tilt_stack_is_reported_by_what_lies_beside_it(tree):
    tree.write("s/TS_1.mrc", mrc())
    tree.write("s/TS_1.mrc.mdoc", b"")
    assert survey_of(tree, "generic")["s/TS_1.mrc"] == (False, "a tilt stack, as s/TS_1.mrc.mdoc beside it shows")


def test_what_changes_or_comes_between_the_two_looks_is_not_taken_and_what_goes_is_not_reported(tree):
    for name in ("rests", "grows", "goes"):
        tree.write(f"s/{name}.mrc", mrc(fill=name.encode()))
    survey = Survey(WatchSettings("krios1", "/data"), tree)
    survey.look()
    tree.write("s/grows.mrc", mrc())
    tree.write("s/comes.mrc", mrc())
    tree.delete("s/goes.mrc")
    found = {file.path: (file.taken, file.reason) for file in survey.report()}
    assert found == {
        "/data/s/rests.mrc": (True, "complete"),
        "/data/s/grows.mrc": (False, "still changing"),
        "/data/s/comes.mrc": (False, "still changing"),
    }


def test_what_is_no_mrc_file_by_its_ending_is_listed_with_the_reason(tmp_path):
    (tmp_path / "s" / "TS_1.zarr" / "0").mkdir(parents=True)
    (tmp_path / "s" / "TS_2.mrc").mkdir()
    for name in ("TS_3.hdf", "TS_4.em", "TS_5.mrc~", "TS_6.MAP", "TS_7.mrcs", "TS_8.mrc.xz"):
        (tmp_path / "s" / name).write_bytes(b"")
    for number in range(30):
        (tmp_path / "s" / f"frame_{number}.tif").write_bytes(b"")
    (tmp_path / "s" / "TS_1.zarr" / "0" / "a.mrc").write_bytes(mrc())
    found = survey_of(Tree(tmp_path), "generic")
    reasons = {path.rpartition("/")[2]: reason for path, (taken, reason) in found.items() if not taken}
    assert len(reasons) == len(found) == 8 + MOST_ALIKE
    for name, words in {
        **{"TS_1.zarr": "Zarr", "TS_2.mrc": "a folder", "TS_3.hdf": "e2proc3d.py", "TS_4.em": "Dynamo"},
        **{"TS_5.mrc~": "IMOD", "TS_6.MAP": "pattern", "TS_7.mrcs": "tilt stack", "TS_8.mrc.xz": "Decompress"},
    }.items():
        assert words in reasons[name]


def test_a_copy_is_said_to_be_one_and_a_blank_file_is_not(tree):
    content = mrc(fill=b"0123456789")
    tree.write("s/TS_1.mrc", content, modified_ns=10**18)
    tree.write("t/TS_1 (copy).mrc", content, modified_ns=10**18)
    tree.write("s/TS_2.mrc", mrc(), modified_ns=10**18)
    tree.write("s/TS_3.mrc", mrc(), modified_ns=10**18)
    found = survey_of(tree, "generic")
    assert found["t/TS_1 (copy).mrc"] == (
        False,
        "the same content as s/TS_1.mrc, which is taken: one of them is a copy",
    )
    assert [taken for taken, _ in found.values()].count(True) == 3


def test_a_series_that_was_reconstructed_again_is_said_to_be(tree):
    for job in ("job005", "job009"):
        tree.write(f"Tomograms/{job}/tomograms/rec_A.mrc", mrc(fill=job.encode()))
        tree.write(f"Tomograms/{job}/RELION_JOB_EXIT_SUCCESS", b"")
    taken, reason = survey_of(tree, "relion5")["Tomograms/job009/tomograms/rec_A.mrc"]
    assert taken
    assert "Tomograms/job005/tomograms/rec_A.mrc is of the same tilt series: one of the two is in force" in reason


def test_a_name_that_the_daemon_cannot_write_down_is_not_said_to_be_taken(tree):
    tree.write("s/b\udcffd.mrc", mrc())
    taken, reason = survey_of(tree, "generic")["s/b\udcffd.mrc"]
    assert not taken
    assert "is not UTF-8" in reason
