"""Every complete file is taken once, none before it is complete, whatever happens to it."""

import bz2
import gzip

import pytest

from livetomo.daemon.watches import of_names
from livetomo.intake.watcher import MOST_OFFERS_IN_FLIGHT, RETRY_SECONDS
from livetomo.system.mounts import FileSystem
from tests.intake.fakes import LOCAL, NFS, mrc


def test_a_complete_file_is_taken_once_after_the_settle_time(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(15)
    assert intake.names() == []
    intake.run(10)
    intake.run(200)
    assert intake.names() == ["krios1/yeast/TS_01"]


def test_a_file_that_grows_is_neither_taken_nor_faulted_until_it_is_whole(tree, facility):
    intake = facility()
    whole = mrc()
    tree.write("yeast/TS_01.mrc", whole[:600])
    for end in range(700, len(whole), 100):
        intake.run(15)
        tree.write("yeast/TS_01.mrc", whole[:end])
    assert intake.taken == []
    assert tree.voxels_read == []
    tree.write("yeast/TS_01.mrc", whole)
    intake.run(30)
    assert [arrival.fault for arrival in intake.taken] == [None]
    assert intake.taken[0].content.size == len(whole)


def test_a_file_that_rests_unfinished_is_waited_for_and_then_faulted_with_one_sentence(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc()[:-10])
    intake.run(50)
    assert intake.taken == []
    assert "ends after" in intake.reasons()["yeast/TS_01.mrc"]
    assert tree.voxels_read == []
    intake.run(20)
    (arrival,) = intake.taken
    assert arrival.fault is not None
    assert (arrival.fault.kind, arrival.fault.reason) == ("permanent", "truncated volume")


def test_a_faulted_file_that_is_written_again_is_new_content(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc()[:-10])
    intake.run(80)
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    assert [arrival.fault is None for arrival in intake.taken] == [False, True]


def test_a_text_file_named_mrc_and_an_absurd_header_are_faulted_not_read(tree, facility):
    intake = facility()
    tree.write("yeast/notes.mrc", b"hello " * 1000)
    absurd = bytearray(mrc())
    absurd[0:12] = (10**4).to_bytes(4, "little") * 3
    tree.write("yeast/absurd.mrc", bytes(absurd))
    tree.write("yeast/good.mrc", mrc())
    intake.run(100)
    reasons = {arrival.tomogram.name: arrival.fault and arrival.fault.reason for arrival in intake.taken}
    assert reasons == {"good": None, "notes": "not an MRC file", "absurd": "absurd header"}


def test_an_empty_file_is_a_placeholder_for_a_long_time(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", b"")
    intake.run(500)
    assert intake.taken == []
    intake.run(150)
    assert [arrival.fault.reason for arrival in intake.taken if arrival.fault] == ["empty file"]


def test_bytes_after_the_volume_are_waited_out_and_then_accepted(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc() + b"x" * 100)
    intake.run(40)
    assert intake.taken == []
    intake.run(40)
    assert [arrival.fault for arrival in intake.taken] == [None]


def test_a_file_that_changes_after_it_was_taken_is_a_new_revision(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    tree.write("yeast/TS_01.mrc", mrc(fill=b"\1"))
    intake.run(30)
    assert intake.names() == ["krios1/yeast/TS_01"] * 2
    assert intake.taken[0].content.digest != intake.taken[1].content.digest


def test_a_changed_time_with_the_same_content_is_reported_but_is_nothing_new(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    assert len(intake.taken) == 1
    assert intake.catalog["yeast/TS_01.mrc"].modified_ns == tree.files["yeast/TS_01.mrc"].modified_ns


def test_an_arrival_that_was_not_acknowledged_is_offered_again_by_the_next_process(tree, clock, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(15)
    clock.advance(10)
    intake.watcher.look()
    assert len(intake.offered) == 1
    intake.restart()
    intake.run(30)
    assert len(intake.taken) == 1


def test_an_arrival_that_could_not_be_recorded_is_offered_again_after_a_while(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.refuse = True
    intake.run(30)
    intake.refuse = False
    assert "could not be recorded" in intake.reasons()["yeast/TS_01.mrc"]
    intake.run(RETRY_SECONDS + 5)
    assert len(intake.taken) == 1


def test_a_restart_takes_nothing_twice_and_misses_nothing_that_came_meanwhile(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    tree.write("yeast/TS_02.mrc", mrc())
    intake.restart()
    intake.run(60)
    assert intake.names() == ["krios1/yeast/TS_01", "krios1/yeast/TS_02"]


def test_a_file_that_was_there_before_the_first_start_is_left_alone_until_it_changes(tree, facility):
    tree.write("yeast/old.mrc", mrc())
    intake = facility(since="now")
    intake.run(60)
    tree.write("yeast/new.mrc", mrc())
    intake.run(60)
    assert intake.names() == ["krios1/yeast/new"]
    intake.restart()
    intake.run(60)
    assert intake.names() == ["krios1/yeast/new"]
    tree.write("yeast/old.mrc", mrc(fill=b"\2"))
    intake.run(60)
    assert intake.names() == ["krios1/yeast/new", "krios1/yeast/old"]


def test_a_file_half_written_at_the_first_start_is_taken_when_it_is_whole(tree, facility):
    tree.write("yeast/TS_01.mrc", mrc()[:1100])
    intake = facility(since="now")
    intake.run(60)
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(60)
    assert [arrival.fault for arrival in intake.taken] == [None]


def test_a_copy_that_keeps_its_old_time_is_new_where_it_was_not_there_before(tree, facility):
    intake = facility(since="now")
    intake.run(10)
    tree.write("yeast/TS_01.mrc", mrc(), modified_ns=5)
    intake.run(60)
    assert intake.names() == ["krios1/yeast/TS_01"]


def test_what_appears_with_a_late_mount_on_an_empty_mount_point_is_old(tree, facility):
    intake = facility(since="now")
    intake.run(30)
    tree.mounted_on = NFS
    tree.write("yeast/old.mrc", mrc())
    intake.run(60)
    assert intake.names() == []
    tree.write("yeast/new.mrc", mrc())
    intake.run(60)
    assert intake.names() == ["krios1/yeast/new"]


def test_what_appears_in_an_empty_root_after_a_restart_is_new_unless_the_mount_is(tree, facility):
    intake = facility(since="now")
    intake.run(30)
    intake.restart()
    tree.write("yeast/new.mrc", mrc())
    intake.run(60)
    assert intake.names() == ["krios1/yeast/new"]


def test_what_appears_in_a_root_that_did_not_exist_at_the_first_start_is_new(tree, facility):
    tree.root_exists = False
    intake = facility(since="now")
    intake.run(30)
    assert "does not exist" in intake.watcher.report().trouble
    tree.root_exists = True
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(60)
    assert intake.names() == ["krios1/yeast/TS_01"]
    assert intake.watcher.report().trouble == ""


def test_what_appears_with_a_mount_that_makes_the_root_is_old(tree, facility):
    tree.root_exists = False
    intake = facility(since="now")
    intake.run(30)
    tree.root_exists, tree.mounted_on = True, NFS
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(60)
    assert intake.names() == []


def test_a_first_scan_that_could_not_see_everything_is_no_baseline(tree, facility):
    tree.write("yeast/old.mrc", mrc())
    tree.broken.add("yeast")
    intake = facility(since="now")
    intake.run(30)
    assert "yeast (Input/output error)" in intake.watcher.report().trouble
    tree.broken.clear()
    intake.run(60)
    assert intake.taken == []
    assert intake.watcher.report().trouble == ""


def test_nothing_is_offered_before_the_baseline_is_recorded(tree, clock, facility):
    intake = facility(since="now")
    intake.watcher.scan()
    tree.write("yeast/TS_01.mrc", mrc())
    for _ in range(10):
        clock.advance(10)
        intake.watcher.scan()
        intake.watcher.hints([("yeast/TS_01.mrc", False)])
        intake.watcher.look()
    assert intake.offered == []
    intake.run(60)
    assert intake.names() == ["krios1/yeast/TS_01"]


def test_a_root_that_vanishes_and_comes_back_changes_nothing(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    tree.root_exists = False
    intake.run(60)
    tree.root_exists = True
    intake.run(60)
    assert len(intake.taken) == 1


def test_an_empty_root_on_another_file_system_is_reported_as_not_mounted(tree, facility):
    tree.mounted_on = NFS
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    tree.mounted_on, tree.files = LOCAL, {}
    intake.run(10)
    assert "Is something not mounted?" in intake.watcher.report().trouble


OTHER_NFS = FileSystem("nfs4", "other:/data", "/data")


@pytest.mark.parametrize("restarted", [False, True])
def test_another_file_system_in_the_roots_place_is_said_and_nothing_of_it_is_taken(tree, facility, restarted):
    """Two exports were swapped, or a folder below the mount point was filled while nothing was mounted."""
    tree.mounted_on = NFS
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    right = dict(tree.files)
    tree.mounted_on, tree.files = OTHER_NFS, {}
    tree.write("other/TS_77.mrc", mrc())
    if restarted:
        intake.restart()
    intake.run(200)
    assert "none of the 1 known files are there" in intake.watcher.report().trouble
    assert "livetomo resume --watch" in intake.watcher.report().trouble
    tree.mounted_on, tree.files = NFS, right
    intake.run(60)
    tree.write("yeast/TS_02.mrc", mrc())
    intake.run(60)
    assert intake.watcher.report().trouble == ""
    assert [one.path for one in intake.taken][-1] == "yeast/TS_02.mrc"
    assert "other/TS_77.mrc" not in [one.path for one in intake.taken]


@pytest.mark.parametrize("restarted", [False, True])
def test_a_server_that_was_renamed_is_the_same_place_and_is_remembered(tree, facility, restarted):
    tree.mounted_on = NFS
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    tree.mounted_on = OTHER_NFS
    tree.write("yeast/TS_02.mrc", mrc())
    if restarted:
        intake.restart()
    intake.run(60)
    assert intake.watcher.report().trouble == ""
    tree.files = {}  # all is cleaned up, after it was seen once
    tree.write("yeast/TS_03.mrc", mrc())
    intake.run(60)
    assert intake.watcher.report().trouble == ""
    assert "yeast/TS_03.mrc" in [one.path for one in intake.taken]


def test_since_a_date_goes_by_the_files_own_time(tree, facility):
    intake = facility(since=1000.0)
    tree.write("yeast/old.mrc", mrc(), modified_ns=999 * 10**9)
    tree.write("yeast/new.mrc", mrc(), modified_ns=1001 * 10**9)
    intake.run(60)
    assert intake.names() == ["krios1/yeast/new"]


def test_a_rename_into_place_settles_under_its_new_name(tree, facility):
    intake = facility()
    tree.write("yeast/.TS_01.mrc.Xa3b", mrc())
    intake.run(60)
    assert intake.taken == []
    tree.rename("yeast/.TS_01.mrc.Xa3b", "yeast/TS_01.mrc")
    intake.run(30)
    assert intake.names() == ["krios1/yeast/TS_01"]


def test_a_hard_link_beside_its_file_is_the_same_tomogram(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    intake.run(30)
    tree.link("yeast/TS_01.mrc", "yeast/latest.mrc")
    intake.run(60)
    assert intake.names() == ["krios1/yeast/TS_01"]
    tree.delete("yeast/TS_01.mrc")
    intake.run(60)
    assert intake.names() == ["krios1/yeast/TS_01", "krios1/yeast/latest"]


def test_a_file_without_permission_waits_and_says_so(tree, facility):
    intake = facility()
    tree.write("yeast/TS_01.mrc", mrc())
    tree.files["yeast/TS_01.mrc"].readable = False
    intake.run(200)
    assert intake.taken == []
    assert "Permission denied" in intake.reasons()["yeast/TS_01.mrc"]
    tree.files["yeast/TS_01.mrc"].readable = True
    intake.run(60)
    assert [arrival.fault for arrival in intake.taken] == [None]


def test_a_folder_that_cannot_be_listed_is_reported_and_the_rest_goes_on(tree, facility):
    intake = facility()
    tree.write("secret/TS_01.mrc", mrc())
    tree.write("yeast/TS_02.mrc", mrc())
    tree.unlistable.add("secret")
    intake.run(60)
    assert intake.names() == ["krios1/yeast/TS_02"]
    assert intake.watcher.report().trouble == "1 folder cannot be read, first secret (Permission denied)"


def test_a_fifo_a_hidden_name_and_excluded_folders_are_never_looked_at(tree, facility):
    intake = facility(exclude=("**/raw/**", "*_old.mrc"))
    tree.write("yeast/pipe.mrc", b"")
    tree.kinds["yeast/pipe.mrc"] = "fifo"
    for path in ("yeast/.hidden.mrc", ".snapshot/a.mrc", "yeast/raw/b.mrc", "yeast/c_old.mrc", "yeast/d.mrc"):
        tree.write(path, mrc())
    tree.unlistable |= {".snapshot", "yeast/raw"}
    intake.run(700)
    assert intake.names() == ["krios1/yeast/d"]
    assert intake.watcher.report().trouble == ""


def test_a_name_that_is_not_utf8_is_reported_while_it_is_there(tree, facility):
    """The daemon cannot write it down, and was silent about it."""
    intake = facility(exclude=("**/raw/**",))
    for path in ("yeast/b\udcffd.mrc", "s\udcffn/TS_01.mrc", "yeast/notes\udcff.txt", "yeast/raw/c\udcff.mrc"):
        tree.write(path, mrc(fill=path.encode(errors="surrogateescape")))
    intake.run(60)
    report = intake.watcher.report()
    assert (report.not_utf8, report.first_not_utf8) == (2, "s\\xffn/TS_01.mrc")
    (problem,) = of_names("krios1", report)
    assert (problem.name, problem.severity, problem.blocks_ready) == ("names-krios1", "warning", False)
    assert problem.message.startswith("s\\xffn/TS_01.mrc and 1 more in krios1 cannot be taken")
    assert intake.taken == []
    tree.rename("s\udcffn/TS_01.mrc", "sun/TS_01.mrc")
    tree.delete("yeast/b\udcffd.mrc")
    intake.run(60)
    assert list(of_names("krios1", intake.watcher.report())) == []
    assert intake.names() == ["krios1/sun/TS_01"]


def test_livetomos_own_results_are_never_taken(tree, facility):
    intake = facility()
    tree.write("out/krios1/yeast/tomograms/TS_01/r1-abc/result.json", b"{}")
    tree.write("out/krios1/yeast/tomograms/TS_01/r1-abc/preview/xy.png", b"")
    tree.write("out/krios1/yeast/tomograms/TS_01/r1-abc/labels.mrc", mrc())
    tree.write("out/krios1/yeast/tomograms/TS_01/r1-abc/denoised.mrc", mrc())
    tree.write("out/krios1/yeast/tomograms/TS_01/r1-abc/other.mrc", mrc())
    tree.write("out/krios1/yeast/tomograms/TS_01/.attempt-x/other.mrc", mrc())
    intake.run(100)
    assert intake.taken == []


def test_a_hint_is_enough_to_see_a_file_between_scans(tree, clock, facility):
    intake = facility()
    intake.run(5)
    tree.write("new/session/TS_01.mrc", mrc())
    intake.watcher.hints([("new", True), ("gone", True)])
    clock.advance(21)
    intake.watcher.look()
    intake.answer()
    clock.advance(21)
    intake.watcher.look()
    intake.answer()
    assert intake.names() == ["krios1/new/TS_01"]


def test_hints_of_what_no_scan_comes_to_are_not_followed(tree, clock, facility):
    intake = facility(exclude=("**/raw/**",))
    intake.run(5)
    paths = ["s/raw/a.mrc", ".trash/b.mrc", "s/.c.mrc", "s/d.mrc", "s/e.eer"]
    for path in paths:
        tree.write(path, mrc(fill=path.encode()))
    intake.watcher.hints([(path, False) for path in paths] + [("s/raw", True), (".trash", True)])
    assert [pending.path for pending in intake.watcher.report().pending] == ["s/d.mrc"]


def test_an_aligned_stack_that_is_called_a_volume_is_not_taken(tree, facility):
    intake = facility(producers=("imod", "generic"))
    for path in ("s/TS_01_ali.rec", "s/TS_02.rec"):
        tree.write(path, mrc(fill=path.encode()))
    intake.run(100)
    assert intake.names() == ["krios1/s/TS_02"]


def test_a_tilt_stack_is_known_by_what_lies_beside_it(tree, facility):
    intake = facility(producers=("aretomo3", "generic"))
    for path in ("a/P_1.mrc", "a/P_1_Vol.mrc", "s/TS_1.mrc", "i/R.mrc", "i/R.rec", "s/tomo.mrc"):
        tree.write(path, mrc(fill=path.encode()))
    tree.write("s/TS_1.mrc.mdoc", b"[ZValue = 0]")
    tree.write("b/AreTomo3_Session.json", b"{}")
    tree.write("b/P_2.mrc", mrc(fill=b"2"))
    intake.run(60)
    assert sorted(arrival.path for arrival in intake.taken) == ["a/P_1_Vol.mrc", "i/R.rec", "s/tomo.mrc"]


def test_the_hot_folders_show_new_files_and_new_neighbours_without_a_whole_scan(tree, clock, facility):
    intake = facility()
    tree.write("yeast/tomograms/TS_01.mrc", mrc())
    tree.write("cold/deep/old.mrc", mrc())
    intake.run(30)
    tree.unlistable.add("cold")
    tree.write("yeast/tomograms/TS_02.mrc", mrc())
    tree.write("algae/tomograms/TS_03.mrc", mrc())
    for _ in range(10):
        clock.advance(5)
        intake.watcher.scan_hot()
        intake.watcher.look()
        intake.answer()
    assert sorted(intake.names()[2:]) == ["krios1/algae/TS_03", "krios1/yeast/TS_02"]


def test_a_burst_is_taken_whole_with_a_bounded_number_in_flight(tree, clock, facility):
    intake = facility()
    for number in range(200):
        tree.write(f"yeast/TS_{number:03}.mrc", mrc(fill=bytes([number])))
    intake.watcher.scan()
    intake.answer()
    clock.advance(30)
    intake.watcher.look()
    clock.advance(30)
    intake.watcher.look()
    assert len(intake.offered) == MOST_OFFERS_IN_FLIGHT
    intake.run(60)
    assert len(set(intake.names())) == 200


def test_many_that_wait_for_long_do_not_keep_one_that_is_complete_from_its_turn(tree, clock, facility):
    intake = facility(producers=("relion5",), halves_patience=1e6)
    for number in range(1200):
        tree.write(f"Tomograms/job001/tomograms/rec_{number}.mrc", mrc((2, 2, 2), mode=0, fill=bytes([number % 256])))
    tree.write("other/far/down/below/rec_TS_1.mrc", mrc())
    intake.watcher.scan()
    intake.answer()
    for _ in range(16):
        clock.advance(2.5)
        intake.watcher.look()
        intake.answer()
    assert intake.names() == ["krios1/other/TS_1"]


def test_a_file_that_is_too_shallow_is_unsorted_and_one_off_the_pattern_is_not_taken(tree, facility):
    intake = facility(session="{session}/*/tomograms/**")
    tree.write("a/b/tomograms/TS_01.mrc", mrc())
    tree.write("a/b/TS_02.mrc", mrc())
    tree.write("TS_03.mrc", mrc())
    intake.run(60)
    assert sorted(intake.names()) == ["krios1/a/TS_01", "krios1/unsorted/TS_03"]


def test_stacks_and_images_are_not_taken_and_no_failures(tree, facility):
    intake = facility()
    tree.write("s/Position_1.mrc", mrc((41, 8, 8), mode=0, space_group=1))
    tree.write("s/Position_1.mdoc", b"[ZValue = 0]\nTiltAngle = -60\n" * 41)
    tree.write("s/TS_07_fixed.mrc", mrc((37, 8, 8), mode=0, space_group=1))
    tree.write("s/TS_07.rawtlt", b"-54.0\n" * 37)
    tree.write("s/stack.mrc", mrc((61, 8, 8), mode=0, voxel=2, mz=1))
    tree.write("s/boxes.mrc", mrc((64, 16, 16), mode=0, space_group=401, mz=16))
    tree.write("s/average.mrc", mrc((1, 8, 8)))
    tree.write("s/sta/cycle_01.mrc", mrc((16, 16, 16)))
    tree.write("s/ref_A_1.mrc", mrc((16, 16, 16)))
    tree.write("s/Position_1_Vol.mrc", mrc((41, 8, 8), mode=0))
    intake.run(200)
    assert intake.names() == ["krios1/s/Position_1_Vol"]
    assert (intake.taken[0].fault, intake.reasons()) == (None, {})
    tree.write("s/stack.mrc", mrc())
    intake.run(30)
    assert intake.names()[1:] == ["krios1/s/stack"]


def test_compressed_volumes_and_upper_case_endings_are_taken(tree, facility):
    intake = facility()
    tree.write("s/TS_1.mrc.gz", gzip.compress(mrc()))
    tree.write("s/TS_2.mrc", bz2.compress(mrc(fill=b"\1")))
    tree.write("s/TS_3.MRC", mrc(fill=b"\2"))
    tree.write("s/TS_3.mrc.gz", gzip.compress(mrc(fill=b"\3")))
    tree.write("s/TS_4.mrc", mrc(fill=b"\4"))
    tree.write("s/TS_4.mrc.gz", gzip.compress(mrc(fill=b"\4")))
    intake.run(30)
    taken = {arrival.path: arrival.tomogram.name for arrival in intake.taken if arrival.fault is None}
    assert {path: name for path, name in taken.items() if "TS_3" not in path} == {
        **{"s/TS_1.mrc.gz": "TS_1", "s/TS_2.mrc": "TS_2", "s/TS_4.mrc": "TS_4"},
    }
