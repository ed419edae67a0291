"""What a session exports for RELION 5 is complete where the files beside its tomograms are: views, optics, hand.

RELION's own way from a particle to a pixel of a view (`tests/relion5_reader.py`) and that of the program that made the
volume (`tests/tilt_series.py`) are written down apart, and have to end at the same pixel.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from livetomo.core.acquisition import Acquisition
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.relion import Relion5Exporter
from livetomo.formats.tilt_images import TiltImages
from livetomo.intake.sidecars.reading import facts_beside
from livetomo.results.session_files import write_session
from tests.relion5_reader import Refused, extract, imported, project_particles, table, tomograms_of, views_of
from tests.tilt_series import Aligned, aln, aretomo3, ctf, session, stack, tlt, without_images

VOXELS = np.array([[0, 0, 0], [7.5, 9.25, 5], [17, 3, 9], [11, 16.75, 2.5]], np.float32)  # x, y, z


def placed(volume: Path, series: Aligned, said: Acquisition | None = None, name: str = "P_1") -> Placed:
    """As a result has it, with the facts that lie beside its volume, which need not be there."""
    facts = facts_beside(volume)
    geometry = TomogramGeometry(series.shape_zyx, series.pixel * series.binning)
    frame = Frame.of_metadata(name, geometry, facts, path=str(volume))
    frame = replace(frame, tilt_images=TiltImages.of(str(volume), facts, said or Acquisition()))
    ones = np.ones(len(VOXELS), np.float32)
    return Placed(Picks(VOXELS[:, ::-1].copy(), ones, ones), frame)


def lacks(*sets: Placed) -> str:
    return " ".join(Relion5Exporter().lacks(sets))


SERIES = {
    "as it is": Aligned(),
    "not binned": Aligned(binning=1),
    "binned by 4": Aligned(size_xy=(80, 72), binning=4),
    "odd images": Aligned(size_xy=(41, 37)),
    "odd, and not binned": Aligned(size_xy=(41, 37), depth_voxels=11, binning=1),
    "a flat axis": Aligned(axis=-4.25),
    "a negative axis": Aligned(axis=-95.5),
    "upside down": Aligned(axis=174.0),
    "a tilt offset": Aligned(alpha=-2.5),
    "dark images": without_images(Aligned(), 0, 3),
}


@pytest.mark.parametrize("series", SERIES.values(), ids=SERIES)
def test_a_particle_lies_where_the_program_that_made_the_volume_has_it(tmp_path, series):
    one = placed(aretomo3(tmp_path / "frames", series=series), series)
    write_session([one], "ribosome", "relion5", tmp_path / "out")
    assert lacks(one) == ""
    (seen,) = project_particles(tmp_path, tmp_path / "out" / "optimisation_set.star").values()
    assert len(seen) == len(VOXELS)
    for voxel, views in zip(VOXELS, seen, strict=True):
        assert [view.image - 1 for view in views] == series.used
        for view in views:
            exact = series.where(voxel, view.image - 1)
            np.testing.assert_allclose(view.pixel_xy, exact, atol=0.01)


def test_the_tables_hold_what_the_files_say(tmp_path):
    series = without_images(Aligned(), 1)  # the second that was taken
    one = placed(aretomo3(tmp_path / "frames", series=series), series)
    write_session([one], "ribosome", "relion5", tmp_path / "out")
    _, tomograms = tomograms_of(tmp_path, tmp_path / "out" / "ribosome_optimisation_set.star")
    (row,) = tomograms.to_dict("records")
    assert row == {
        **{"rlnTomoName": "P_1", "rlnVoltage": 300, "rlnSphericalAberration": 2.7, "rlnAmplitudeContrast": 0.07},
        **{"rlnMicrographOriginalPixelSize": 2, "rlnTomoHand": -1, "rlnOpticsGroupName": "opticsGroup1"},
        **{"rlnTomoTiltSeriesPixelSize": 2, "rlnTomoTomogramBinning": 2, "rlnTomoSizeX": 36, "rlnTomoSizeY": 40},
        **{"rlnTomoSizeZ": 20, "rlnTomoTiltSeriesStarFile": str(tmp_path / "out" / "tilt_series" / "P_1.star")},
    }
    views = views_of(tmp_path, row)
    # images 3, 2, 4, 1, 5 of the stack were taken in this order, 3 e/Å² each
    assert list(views["rlnMicrographPreExposure"]) == [9, 0, 6, 12]
    assert list(views["rlnTomoNominalStageTiltAngle"]) == [-40, 0, 20, 40]
    assert list(views["rlnDefocusU"]) == [31000, 30000, 29500, 29000]
    assert list(views["rlnDefocusV"]) == [30600, 29600, 29100, 28600]
    assert set(views["rlnDefocusAngle"]) == {35.5}
    assert views["rlnMicrographName"][3] == f"000005@{tmp_path}/frames/P_1.mrc:mrcs"
    assert imported(tmp_path, tmp_path / "out" / "ribosome_import.star") == {"P_1": len(VOXELS)}


def test_the_defocus_of_a_particle_changes_with_its_place_as_the_program_says(tmp_path):
    """AreTomo3 adds hand * -x' tan(tilt) at x' from the axis, in a volume without depth (CTiltInducedZ)."""
    series = Aligned(axis=0.0, shifts=((0.0, 0.0),) * 5)
    volume = aretomo3(tmp_path / "frames", series=series)
    (volume.parent / "P_1_CTF.txt").write_text(ctf(series, hand=1))
    one = placed(volume, series)
    ones = np.ones(1, np.float32)
    one = replace(one, picks=Picks(np.array([[4.5, 9, 15]], np.float32), ones, ones))  # the middle of z
    write_session([one], "ribosome", "relion5", tmp_path / "out")
    ((views,),) = project_particles(tmp_path, tmp_path / "out" / "optimisation_set.star").values()
    for view in views:
        from_axis = (view.pixel_xy[0] - (series.size_xy[0] - 1) / 2) * series.pixel
        expected = series.defocus[view.image - 1] - from_axis * np.tan(np.radians(series.nominal[view.image - 1]))
        half_a_voxel = series.pixel * series.binning / 2  # along each axis: RELION counts from another middle
        assert view.defocus == pytest.approx(expected, abs=1.5 * half_a_voxel)


def test_a_person_s_word_goes_before_the_files(tmp_path):
    said = Acquisition(200.0, 1.4, 0.1, 1, 2.0)
    one = placed(aretomo3(tmp_path / "frames"), Aligned(), said)
    write_session([one], "ribosome", "relion5", tmp_path / "out")
    _, tomograms = tomograms_of(tmp_path, tmp_path / "out" / "optimisation_set.star")
    (row,) = tomograms.to_dict("records")
    known = [row[f"rln{key}"] for key in ("Voltage", "SphericalAberration", "AmplitudeContrast", "TomoHand")]
    assert known == [200, 1.4, 0.1, 1]
    assert list(views_of(tmp_path, row)["rlnMicrographPreExposure"]) == [6, 2, 0, 4, 8]


def remove(name: str):
    return lambda folder, series: (folder / name).unlink()


def rewrite(name: str, text):
    return lambda folder, series: (folder / name).write_text(text(series))


def moved(folder, series):
    shutil.move(folder, folder.parent / "elsewhere")
    folder.mkdir()
    for path in (folder.parent / "elsewhere").glob("*"):
        if path.name != "P_1.mrc":
            shutil.copy(path, folder)


BROKEN = {
    "no alignment": (remove("P_1.aln"), "where the views of the tilt series lie"),
    "an alignment cut in its table": (
        rewrite("P_1.aln", lambda series: "\n".join(aln(series).splitlines()[:-2])),
        r"the stack has 5 images, and lists 3 aligned and 0 dark ones. Was the copy interrupted?",
    ),
    "an alignment cut in its head": (rewrite("P_1.aln", lambda series: aln(series)[:60]), "no aligned tilt in it"),
    "an empty alignment": (rewrite("P_1.aln", lambda series: ""), "P_1.aln: "),
    "other tilts": (
        rewrite("P_1_TLT.txt", lambda series: tlt(replace(series, nominal=(-50, -20, 0, 20, 40)))),
        "image 1 of the stack is tilted by -50 degrees in _TLT.txt, and by -40 in the .aln",
    ),
    "fewer tilts": (
        rewrite("P_1_TLT.txt", lambda series: "\n".join(tlt(series).splitlines()[:3])),
        "_TLT.txt has 3 images, and the .aln 5",
    ),
    "fewer fits": (
        rewrite("P_1_CTF.txt", lambda series: "\n".join(ctf(series).splitlines()[:3])),
        "_CTF.txt has 2 fits, for 5 aligned of 5 images",
    ),
    "no fit": (remove("P_1_CTF.txt"), "the defocus of the views is not known"),
    "no handedness": (
        rewrite("P_1_CTF.txt", lambda series: "\n".join(line[:-5] for line in ctf(series).splitlines())),
        "--hand, or hand of the watch",
    ),
    "a version whose handedness had another sign": (
        rewrite("AreTomo3_Session.json", lambda series: session(series, version="2.0.5")),
        "the hand (whether defocus grows with z) is not known",
    ),
    "no version": (
        rewrite("AreTomo3_Session.json", lambda series: session(series, version="")),
        "--hand, or hand of the watch",
    ),
    "no order": (remove("P_1_TLT.txt"), "the order in which the images were taken is not known"),
    "no dose": (
        rewrite("P_1_TLT.txt", lambda series: tlt(replace(series, dose=0.0))),
        "--view-dose, or view_dose_electrons_per_angstrom2 of the watch",
    ),
    "no session": (remove("AreTomo3_Session.json"), "says how the volume was turned"),
    "a mirrored volume": (rewrite("AreTomo3_Session.json", lambda series: session(series, FlipVol=2)), "FlipVol"),
    "no stack": (remove("P_1.mrc"), "P_1.mrc: No such file"),
    "a stack of fewer images": (
        lambda folder, series: stack(folder / "P_1.mrc", replace(series, nominal=series.nominal[1:])),
        "P_1.mrc has 40 x 36 x 4 pixels and images, and the alignment 40 x 36 x 5",
    ),
    "a stack cut short": (
        lambda folder, series: (folder / "P_1.mrc").write_bytes((folder / "P_1.mrc").read_bytes()[:5000]),
        "ends after 5,000 of",
    ),
    "moved away": (moved, "P_1.mrc: No such file"),
    "no amplitude contrast": (
        rewrite("AreTomo3_Session.json", lambda series: session(series, AmpContrast=0)),
        "--amplitude-contrast, or amplitude_contrast of the watch",
    ),
    "no metrics": (
        lambda folder, series: [
            (folder / "TiltSeries_Metrics.csv").unlink(),
            (folder / "AreTomo3_Session.json").write_text(session(series, kV=0, Cs=0)),
        ],
        "--voltage, or voltage_kilovolt of the watch",
    ),
}


@pytest.mark.parametrize(("break_it", "said"), BROKEN.values(), ids=BROKEN)
def test_what_is_not_known_is_said_and_no_row_is_made_up(tmp_path, break_it, said):
    series, other = Aligned(), Aligned(axis=90.0)
    volume = aretomo3(tmp_path / "frames", series=series)
    break_it(volume.parent, series)
    sets = [placed(volume, series), placed(aretomo3(tmp_path / "whole", "P_2", other), other, name="P_2")]
    write_session(sets, "ribosome", "relion5", tmp_path / "out")
    sentences = list(Relion5Exporter().lacks(sets))
    assert said in " ".join(sentences)
    assert "P_1" in sentences[0]
    assert not any("P_2" in sentence for sentence in sentences)
    assert list(table(tmp_path / "out" / "tomograms.star", "global")["rlnTomoName"]) == ["P_2"]
    assert list(extract(tmp_path, tmp_path / "out" / "optimisation_set.star")) == ["P_2"]
    assert imported(tmp_path, tmp_path / "out" / "ribosome_import.star") == {"P_1": 4, "P_2": 4}
    assert len(table(tmp_path / "out" / "ribosome.star", "particles")) == 8


def test_tomograms_of_which_nothing_is_known_are_listed_by_name_as_before(tmp_path):
    frame = Frame("TS_01", TomogramGeometry((8, 9, 10), 10.0))
    write_session([Placed(Picks.none(), frame)], "ribosome", "relion5", tmp_path)
    assert list(table(tmp_path / "tomograms.star", "global")) == ["rlnTomoName"]
    with pytest.raises(Refused, match="lacks rlnVoltage"):
        extract(tmp_path, tmp_path / "optimisation_set.star")


def test_when_the_last_fact_is_given_the_particles_of_a_part_go(tmp_path):
    series = Aligned()
    volume = aretomo3(tmp_path / "frames", series=series)
    (volume.parent / "P_1_TLT.txt").write_text(tlt(replace(series, dose=0.0)))
    whole = placed(aretomo3(tmp_path / "whole", "P_2", series), series, name="P_2")
    write_session([placed(volume, series), whole], "ribosome", "relion5", tmp_path / "out")
    assert (tmp_path / "out" / "ribosome_listed.star").exists()
    said = Acquisition(view_dose_electrons_per_angstrom2=2.5)
    write_session([placed(volume, series, said), whole], "ribosome", "relion5", tmp_path / "out")
    assert not (tmp_path / "out" / "ribosome_listed.star").exists()
    assert set(extract(tmp_path, tmp_path / "out" / "optimisation_set.star")) == {"P_1", "P_2"}


def test_relions_own_star_goes_before_ours(tmp_path):
    one = placed(aretomo3(tmp_path / "frames"), Aligned())
    star = tmp_path / "Tomograms" / "job005" / "tomograms.star"
    one = replace(one, frame=replace(one.frame, tomograms_star=str(star)))
    write_session([one], "ribosome", "relion5", tmp_path / "out")
    names = table(tmp_path / "out" / "optimisation_set.star", "optimisation_set")
    assert names["rlnTomoTomogramsFile"] == "Tomograms/job005/tomograms.star"
    assert not (tmp_path / "out" / "tomograms.star").exists()
    assert not (tmp_path / "out" / "tilt_series").exists()


def test_the_mdoc_says_dose_and_order_where_aretomo_s_own_file_does_not(tmp_path):
    series = Aligned()
    volume = aretomo3(tmp_path / "frames", series=series)
    (volume.parent / "P_1_TLT.txt").unlink()
    sections = [
        f"[ZValue = {number}]\nTiltAngle = {series.nominal[image] + 0.01}\nExposureDose = {dose}\n"
        f"DateTime = 28-Apr-18  11:3{number}:54\n"
        for number, (image, dose) in enumerate(((2, 1.0), (1, 2.0), (3, 4.0), (0, 8.0), (4, 16.0)))
    ]
    (volume.parent / "P_1.mdoc").write_text("PixelSpacing = 2\n\n" + "\n".join(sections))
    one = placed(volume, series)
    write_session([one], "ribosome", "relion5", tmp_path / "out")
    _, tomograms = tomograms_of(tmp_path, tmp_path / "out" / "optimisation_set.star")
    assert list(views_of(tmp_path, tomograms.iloc[0])["rlnMicrographPreExposure"]) == [7, 1, 0, 3, 15]


def test_what_many_tomograms_lack_is_one_sentence(tmp_path):
    sets = []
    for number in range(5):
        volume = aretomo3(tmp_path / f"s{number}", f"P_{number}")
        (volume.parent / f"P_{number}.mrc").unlink()
        sets.append(placed(volume, Aligned(), name=f"P_{number}"))
    _, sentence = Relion5Exporter().lacks(sets)
    assert sentence.startswith("Of P_0, P_1, P_2 and 2 others the stack of images cannot be used (P_0: ")
