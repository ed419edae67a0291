"""What producers say of their tomograms: completion signals, halves, rivals, and news that comes late."""

import pytest

from tests.intake.fakes import mrc

HEADER = (
    "Tilt_Series,Thickness(Pix),Tilt_Axis,Global_Shift(Pix),Bad_Patch_Low,Bad_Patch_All,"
    "CTF_Res(A),CTF_Score,Pix_Size(A)\n"
)
ROW = "{}.mrc,   2240,  90.59,    70.16,  0.00,  0.22, 11.52,  0.1022,  1.69\n"


def row(name: str) -> bytes:
    return ROW.format(name).encode()


@pytest.fixture
def aretomo(facility):
    return facility(producers=("aretomo3",), halves_patience=300.0)


def test_aretomos_volume_waits_for_its_row(tree, aretomo):
    tree.write("s/TiltSeries_Metrics.csv", HEADER.encode() + row("P_10"))
    tree.write("s/P_1_Vol.mrc", mrc())
    aretomo.run(60)
    assert aretomo.taken == []
    assert aretomo.reasons() == {"s/P_1_Vol.mrc": "TiltSeries_Metrics.csv has no row for P_1 yet"}
    tree.append("s/TiltSeries_Metrics.csv", row("P_1")[:-1])
    aretomo.run(30)
    assert aretomo.taken == []
    tree.append("s/TiltSeries_Metrics.csv", b"\n")
    aretomo.run(30)
    (arrival,) = aretomo.taken
    assert arrival.facts.thickness_angstrom == pytest.approx(2240 * 1.69)
    assert arrival.facts.notes == ()


def test_aretomos_volume_whose_row_was_lost_in_a_restart_is_taken_late_and_says_so(tree, aretomo):
    tree.write("s/TiltSeries_Metrics.csv", HEADER.encode())
    tree.write("s/P_1_Vol.mrc", mrc())
    aretomo.run(330)
    (arrival,) = aretomo.taken
    assert list(arrival.facts.notes) == [
        "taken without its producer's signal: TiltSeries_Metrics.csv has no row for P_1 yet"
    ]


def test_metrics_that_shrink_in_a_restart_make_nothing_new(tree, aretomo):
    tree.write("s/TiltSeries_Metrics.csv", HEADER.encode() + row("P_1"))
    tree.write("s/P_1_Vol.mrc", mrc())
    aretomo.run(60)
    tree.write("s/TiltSeries_Metrics.csv", HEADER.encode())
    aretomo.run(400)
    assert len(aretomo.taken) == 1


def test_a_row_without_halves_means_that_there_will_be_none(tree, aretomo):
    tree.write("s/TiltSeries_Metrics.csv", HEADER.encode() + row("P_1"))
    tree.write("s/P_1_EVN.mrc", b"a tilt stack")
    tree.write("s/P_1_Vol.mrc", mrc())
    aretomo.run(30)
    (arrival,) = aretomo.taken
    assert arrival.halves == {}
    assert list(arrival.facts.notes) == ["taken without both halves: its even and odd halves are not there"]


def test_halves_that_are_still_written_are_waited_for(tree, aretomo):
    tree.write("s/P_1_Vol.mrc", mrc())
    tree.write("s/P_1_EVN_Vol.mrc", mrc())
    tree.write("s/P_1_ODD_Vol.mrc", mrc()[:1500])
    aretomo.run(100)
    assert aretomo.taken == []
    assert "odd half is not whole" in aretomo.reasons()["s/P_1_Vol.mrc"]
    tree.write("s/P_1_ODD_Vol.mrc", mrc())
    aretomo.run(60)
    (arrival,) = aretomo.taken
    assert arrival.halves == {"even": "s/P_1_EVN_Vol.mrc", "odd": "s/P_1_ODD_Vol.mrc"}


def test_a_half_that_never_comes_is_waited_for_no_longer_than_said(tree, aretomo):
    tree.write("s/P_1_Vol.mrc", mrc())
    tree.write("s/P_1_EVN_Vol.mrc", mrc())
    aretomo.run(290)
    assert aretomo.taken == []
    aretomo.run(40)
    (arrival,) = aretomo.taken
    assert arrival.halves == {"even": "s/P_1_EVN_Vol.mrc"}
    assert list(arrival.facts.notes) == ["taken without both halves, after 300 s: its odd half is not there"]


def test_halves_that_come_later_are_news_of_the_same_revision(tree, aretomo):
    tree.write("s/P_1_Vol.mrc", mrc())
    aretomo.run(60)
    assert aretomo.taken[0].halves == {}
    offered = []
    answer = aretomo.answer
    aretomo.answer = lambda: (offered.extend(aretomo.offered), answer())
    tree.write("s/P_1_EVN_Vol.mrc", mrc())
    tree.write("s/P_1_ODD_Vol.mrc", mrc())
    aretomo.run(100)
    assert len(aretomo.taken) == 1
    assert [arrival.halves for arrival in offered] == [{"even": "s/P_1_EVN_Vol.mrc", "odd": "s/P_1_ODD_Vol.mrc"}]
    assert offered[0].content == aretomo.taken[0].content


def test_a_sidecar_that_comes_while_nobody_watches_is_reported_after_the_restart(tree, aretomo):
    from livetomo.core.tomogram import KnownFile, companions_digest
    from livetomo.intake.watcher import Watcher

    tree.write("s/P_1_Vol.mrc", mrc())
    aretomo.run(60)
    (first,) = aretomo.taken
    tree.write("s/P_1_TLT.txt", b"-60.0 1 3.0\n0.0 2 3.0\n60.0 3 3.0\n")
    aretomo.offered = []
    aretomo.watcher = Watcher(
        aretomo.settings,
        tree,
        clock=aretomo.clock,
        offer=aretomo.offered.append,
        report_baseline=aretomo.baselines.append,
        report_left_alone=lambda files: None,
        known=[KnownFile(first.path, first.content, companions_digest(first.halves, first.facts))],
    )
    offered = []
    answer = aretomo.answer
    aretomo.answer = lambda: (offered.extend(aretomo.offered), answer())
    aretomo.run(100)
    assert [arrival.facts.total_dose_electrons_per_angstrom2 for arrival in offered] == [9.0]


@pytest.mark.parametrize(("policy", "halves"), [("ignore", {}), ("use", {"even": "s/P_1_EVN_Vol.mrc"})])
def test_use_and_ignore_do_not_wait(tree, facility, policy, halves):
    intake = facility(producers=("aretomo3",), halves=policy)
    tree.write("s/P_1_Vol.mrc", mrc())
    tree.write("s/P_1_EVN_Vol.mrc", mrc())
    intake.run(45)
    assert [arrival.halves for arrival in intake.taken] == [halves]


def test_a_half_of_another_shape_is_not_used(tree, facility):
    intake = facility(producers=("aretomo3",), halves="use")
    tree.write("s/P_1_Vol.mrc", mrc((4, 6, 8)))
    tree.write("s/P_1_EVN_Vol.mrc", mrc((4, 6, 9)))
    tree.write("s/P_1_ODD_Vol.mrc", mrc((4, 6, 8)))
    intake.run(45)
    (arrival,) = intake.taken
    assert arrival.halves == {"odd": "s/P_1_ODD_Vol.mrc"}
    assert "another shape" in arrival.facts.notes[0]


def test_warps_halves_of_the_same_name_go_with_their_own_pixel_size(tree, facility):
    intake = facility(producers=("warp",))
    for pixel in ("10.00", "5.00"):
        tree.write(f"w/reconstruction/TS_01_{pixel}Apx.mrc", mrc(fill=pixel.encode()))
        for half in ("even", "odd"):
            tree.write(f"w/reconstruction/{half}/TS_01_{pixel}Apx.mrc", mrc(fill=half.encode()))
    intake.run(60)
    assert intake.names() == ["krios1/w/TS_01", "krios1/w/TS_01"]
    for arrival in intake.taken:
        stem = arrival.path.rpartition("/")[2]
        assert arrival.halves == {half: f"w/reconstruction/{half}/{stem}" for half in ("even", "odd")}


def test_relions_volume_waits_for_the_end_of_its_job_whatever_that_is(tree, facility):
    intake = facility(producers=("relion5",))
    for job, end in (("job005", "SUCCESS"), ("job006", "FAILURE"), ("job007", "")):
        tree.write(f"Tomograms/{job}/tomograms/rec_{job}.mrc", mrc())
        if end:
            tree.write(f"Tomograms/{job}/RELION_JOB_EXIT_{end}", b"")
    intake.run(60)
    assert sorted(arrival.tomogram.name for arrival in intake.taken) == ["job005", "job006"]
    assert "RELION_JOB_EXIT_SUCCESS" in intake.reasons()["Tomograms/job007/tomograms/rec_job007.mrc"]


def test_of_a_relion_job_that_splits_the_even_half_stands_for_the_tomogram(tree, facility):
    intake = facility(producers=("relion5",))
    for half in (1, 2):
        tree.write(f"Tomograms/job008/tomograms/rec_TS_1_half{half}.mrc", mrc(fill=bytes([half])))
    tree.write("Tomograms/job008/tomograms/rec_TS_2_half1.mrc", mrc())
    intake.run(60)
    assert intake.taken == []
    tree.write("Tomograms/job008/RELION_JOB_EXIT_SUCCESS", b"")
    intake.run(60)
    (arrival,) = intake.taken
    assert arrival.tomogram.name == "TS_1"
    assert arrival.path == arrival.halves["even"] == "Tomograms/job008/tomograms/rec_TS_1_half1.mrc"
    assert arrival.halves["odd"] == "Tomograms/job008/tomograms/rec_TS_1_half2.mrc"
    assert list(arrival.facts.notes) == ["relion5 wrote only half-maps: the even one stands for the full volume"]
    assert "without its partner" in intake.reasons()["Tomograms/job008/tomograms/rec_TS_2_half1.mrc"]


def test_where_relion_wrote_the_full_volume_its_halves_go_with_it(tree, facility):
    intake = facility(producers=("relion5",))
    for tag in ("", "_half1", "_half2"):
        tree.write(f"Tomograms/job008/tomograms/rec_TS_1{tag}.mrc", mrc(fill=tag.encode() or b"x"))
    tree.write("Tomograms/job008/RELION_JOB_EXIT_SUCCESS", b"")
    intake.run(60)
    (arrival,) = intake.taken
    assert arrival.path.endswith("rec_TS_1.mrc")
    assert set(arrival.halves) == {"even", "odd"}


def test_cryoem_services_volume_is_taken_after_it_was_turned(tree, facility):
    intake = facility(producers=("cryoem_services",))
    tree.write("t/P_Vol.mrc", mrc((4, 6, 8)))
    intake.run(45)
    assert intake.taken == []
    tree.write("t/P_Vol.mrc", mrc((8, 6, 4)))
    tree.write("t/P_Vol_thumbnail.jpeg", b"jpeg")
    intake.run(30)
    assert len(intake.taken) == 1
    tree.write("t/Q_Vol.mrc", mrc())
    intake.run(70)
    assert len(intake.taken) == 2


def test_of_imods_volumes_of_one_data_set_one_is_taken(tree, facility):
    intake = facility(producers=("imod",))
    tree.write("s/R_full_rec.mrc", mrc())
    tree.write("s/R_rec.mrc", mrc(fill=b"\1"))
    tree.write("s/Q_full_rec.mrc", mrc())
    intake.run(60)
    assert sorted(arrival.path for arrival in intake.taken) == ["s/Q_full_rec.mrc", "s/R_rec.mrc"]
    assert [arrival.facts.stored_axes for arrival in intake.taken if "Q" in arrival.path] == ["yzx"]
    tree.write("s/Q_rec.mrc", mrc(fill=b"\2"))
    tree.delete("s/R_full_rec.mrc")
    intake.run(60)
    assert len(intake.taken) == 2


def test_two_series_whose_names_begin_alike_do_not_share_anything(tree, aretomo):
    tree.write("s/TiltSeries_Metrics.csv", HEADER.encode() + row("P_1") + row("P_1_2") + row("P_10"))
    for name in ("P_1", "P_1_2", "P_10"):
        tree.write(f"s/{name}_Vol.mrc", mrc(fill=name.encode()))
    for half in ("EVN", "ODD"):
        tree.write(f"s/P_1_2_{half}_Vol.mrc", mrc())
    aretomo.run(60)
    assert {arrival.tomogram.name: len(arrival.halves) for arrival in aretomo.taken} == {
        "P_1": 0,
        "P_1_2": 2,
        "P_10": 0,
    }
