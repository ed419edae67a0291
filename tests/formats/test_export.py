"""Every format puts the picks where they are: read back by the programs' own or other independent readers."""

import csv
import importlib
import json
import os
from pathlib import Path

import dynamotable
import numpy as np
import pytest
import starfile
from scipy.spatial.transform import Rotation

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.formats.exporter import EXPORTERS, as_bytes
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.star import read_loops
from livetomo.results.session_files import read_names, write_session

VOXEL = 13.48
EVEN, ODD = (40, 60, 80), (41, 61, 81)
GEOMETRY = TomogramGeometry(EVEN, VOXEL)
POSITION = np.array([[10.25, 20.5, 30.125], [0, 0, 0], [39, 59.5, 79]], np.float32)
EULER = np.array([[10, 20, 30], [-40, 50, 160], [100, 170, -80]], np.float32)
CENTRED = [f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]
CORNER = [f"rlnCoordinate{axis}" for axis in "XYZ"]
ANGLES = ["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]
TURNS = Rotation.from_euler("ZYZ", EULER, degrees=True).inv()
"""What turns the reference into each particle."""


def placed(shape=EVEN, euler=None, pixel_size=None, name="TS_01", count=3):
    score = np.array([0.9, 0.6, 0.4], np.float32)[:count]
    picks = Picks(POSITION[:count], score, np.full(count, np.nan, np.float32), euler)
    return Placed(picks, Frame(name, TomogramGeometry(shape, VOXEL), pixel_size))


def reader(module: str):
    """Another program's module that reads picks. `make readers` installs them, and there none may be missing."""
    if os.environ.get("LIVETOMO_READERS") == "required":
        return importlib.import_module(module)
    return pytest.importorskip(module, reason=f"there is no {module.partition('.')[0]}: make readers")


@pytest.fixture
def written(tmp_path: Path):
    def write(format_name: str, what: Placed) -> Path:
        exporter = EXPORTERS[format_name]
        path = tmp_path / f"ribosome.{exporter.name}.{exporter.ending}"
        path.write_bytes(as_bytes(exporter.content(what, "ribosome")))
        return path

    return write


def xyz(position):
    return np.asarray(position)[:, ::-1]


def test_every_format_is_called_by_the_name_of_its_exporter():
    assert [EXPORTERS[name].name for name in EXPORTERS] == list(EXPORTERS)


@pytest.mark.parametrize("name", EXPORTERS)
@pytest.mark.parametrize("oriented", [False, True])
def test_no_picks_are_a_file_and_so_are_many(written, name, oriented):
    assert written(name, placed(count=0, euler=EULER[:0] if oriented else None)).exists()
    assert written(name, placed(euler=EULER if oriented else None)).stat().st_size > 0


@pytest.mark.parametrize("shape", [EVEN, ODD])
@pytest.mark.parametrize("pixel_size", [None, VOXEL / 4])
def test_relion5_is_in_angstrom_from_index_n_half(written, shape, pixel_size):
    table = starfile.read(written("relion5", placed(shape, pixel_size=pixel_size)))
    indices = table[CENTRED].to_numpy() / VOXEL + np.array(shape)[::-1] / 2
    np.testing.assert_allclose(indices, xyz(POSITION), atol=1e-3)
    np.testing.assert_allclose(table["rlnAutopickFigureOfMerit"], [0.9, 0.6, 0.4], atol=1e-6)
    assert list(table["rlnTomoName"]) == ["TS_01"] * 3


@pytest.mark.parametrize("name", ["relion5", "relion4", "relion31", "warp"])
def test_relions_angles_are_written_where_there_are_any_and_never_invented(written, name):
    assert "rlnAngleRot" not in starfile.read(written(name, placed()))
    np.testing.assert_allclose(starfile.read(written(name, placed(euler=EULER)))[ANGLES], EULER)


def test_relion5_agrees_with_our_own_reader(written):
    path = written("relion5", placed())
    theirs = starfile.read(path)
    ours = read_loops(path)["particles"]
    assert list(ours) == list(theirs.columns)
    for column in CENTRED:
        np.testing.assert_allclose([float(word) for word in ours[column]], theirs[column])


@pytest.mark.parametrize("binning", [1, 4, 3.5])
def test_relion4_is_in_unbinned_pixels_from_the_corner(written, binning):
    table = starfile.read(written("relion4", placed(pixel_size=VOXEL / binning)))
    np.testing.assert_allclose(table[CORNER], xyz(POSITION) * binning, atol=1e-3)


@pytest.mark.parametrize(
    ("metadata", "pixel"),
    [
        ({}, None),
        ({"pixel_size_angstrom": 1.35, "binning": 4}, 1.35),
        ({"binning": 4}, VOXEL / 4),
        ({"acquisition_pixel_size_angstrom": 1.35}, None),
        (
            {"acquisition_pixel_size_angstrom": 1.35, "raw_size_xy": [8, 8], "acquisition_image_size_xy": [8, 8]},
            1.35,
        ),
        (
            {"acquisition_pixel_size_angstrom": 0.7, "raw_size_xy": [8, 8], "acquisition_image_size_xy": [16, 16]},
            None,
        ),
        ({"pixel_size_angstrom": 20.0}, None),
    ],
)
def test_the_unbinned_pixel_is_what_sidecars_know_and_never_guessed(metadata, pixel):
    frame = Frame.of_metadata("TS_01", GEOMETRY, SidecarFacts(**metadata))
    assert frame.pixel_size_angstrom == pixel
    assert (
        Frame.of_metadata("TS_01", GEOMETRY, SidecarFacts(**metadata), pixel_size_angstrom=3.0).pixel_size_angstrom
        == 3.0
    )


@pytest.mark.parametrize(
    ("name", "label"), [("relion5", "TomoName"), ("relion4", "TomoName"), ("warp", "MicrographName")]
)
def test_relion_and_warp_are_reported_the_tilt_series_by_its_own_name(written, name, label):
    frame = Frame.of_metadata("TS_01", GEOMETRY, SidecarFacts(tilt_series_name="rec_TS_01"))
    table = starfile.read(written(name, Placed(placed().picks, frame)))
    assert {value.removesuffix(".tomostar") for value in table[f"rln{label}"]} == {"rec_TS_01"}


def test_relion_4_and_5_name_the_same_place_in_a_binned_tomogram(written):
    """As RELION turns the one into the other: (x - W/2) * pixel, W being the unbinned extent."""
    what = placed(pixel_size=VOXEL / 4)
    four = starfile.read(written("relion4", what))[CORNER].to_numpy()
    five = starfile.read(written("relion5", what))[CENTRED].to_numpy()
    np.testing.assert_allclose((four - np.array(what.frame.unbinned_xyz) / 2) * VOXEL / 4, five, atol=1e-3)


CROPPED = {"pixel_size_angstrom": VOXEL / 4, "unbinned_size_xyz": [400, 241, 162]}


def test_a_cropped_reconstruction_is_the_middle_of_what_relion_calls_the_tomogram(written, tmp_path):
    what = Placed(placed().picks, Frame.of_metadata("TS_01", GEOMETRY, SidecarFacts(**CROPPED)))
    four = starfile.read(written("relion4", what))[CORNER].to_numpy()
    five = starfile.read(written("relion5", what))[CENTRED].to_numpy()
    np.testing.assert_allclose((four - np.array([400, 241, 162]) / 2) * VOXEL / 4, five, atol=1e-3)
    np.testing.assert_allclose(five, (xyz(POSITION) - np.array([40, 30, 20])) * VOXEL, atol=1e-3)
    (tmp_path / "tomograms.star").write_text(EXPORTERS["relion5"].session([what], "ribosome")["tomograms.star"])
    sizes = starfile.read(tmp_path / "tomograms.star")[[f"rlnTomoSize{axis}" for axis in "XYZ"]]
    assert sizes.to_numpy().tolist() == [[400, 241, 162]]


def test_a_size_in_pixels_of_another_size_is_not_used():
    assert Frame.of_metadata(
        "TS_01", GEOMETRY, SidecarFacts(**CROPPED), pixel_size_angstrom=VOXEL / 2
    ).unbinned_xyz == (
        160,
        120,
        80,
    )


def test_warp_is_in_voxels_of_the_tomogram(written):
    table = starfile.read(written("warp", placed(pixel_size=VOXEL / 4)))
    np.testing.assert_allclose(table[CORNER], xyz(POSITION), atol=1e-5)
    assert list(table["rlnMicrographName"]) == ["TS_01.tomostar"] * 3


def test_relion31_is_in_whole_voxels_and_what_is_left_is_the_shift(written):
    table = starfile.read(written("relion31", placed(pixel_size=VOXEL / 4)))
    assert (table[CORNER] % 1 == 0).all(axis=None)
    shift = table[[f"rlnOrigin{axis}Angst" for axis in "XYZ"]].to_numpy() / VOXEL
    np.testing.assert_allclose(table[CORNER].to_numpy() - shift, xyz(POSITION), atol=1e-5)


def test_dynamo_has_its_columns(written):
    table = np.loadtxt(written("dynamo", placed(euler=EULER)))
    assert table.shape == (3, 36)
    np.testing.assert_allclose(table[:, 23:26], xyz(POSITION))
    np.testing.assert_allclose(table[:, 9], [0.9, 0.6, 0.4], atol=1e-6)
    np.testing.assert_allclose(table[:, 35], VOXEL)
    assert table[:, 0].tolist() == [1, 2, 3]


def test_dynamo_is_read_by_dynamotable(written):
    table = dynamotable.read(str(written("dynamo", placed())))
    np.testing.assert_allclose(table[["x", "y", "z"]], xyz(POSITION))


def test_stopgap_has_its_columns(written):
    table = starfile.read(written("stopgap", placed()))
    assert len(table.columns) == 16
    np.testing.assert_allclose(table[["orig_x", "orig_y", "orig_z"]], xyz(POSITION), atol=1e-5)


@pytest.mark.parametrize("name", ["dynamo", "stopgap"])
def test_zxz_angles_are_the_same_rotation_as_relions(written, name):
    """By cryoCAT's formula: the reference's rotation is the inverse, in extrinsic zxz, its angles in reverse order."""
    wanted = Rotation.from_euler("ZYZ", EULER, degrees=True)
    path = written(name, placed(euler=EULER))
    if name == "stopgap":
        table = starfile.read(path)
        phi, psi, theta = (table[column].to_numpy() for column in ("phi", "psi", "the"))
    else:
        psi, theta, phi = -np.loadtxt(path)[:, 6:9].T
    ours = Rotation.from_euler("zxz", -np.column_stack([psi, theta, phi])[:, ::1], degrees=True)
    assert (ours * wanted.inv()).magnitude().max() < 1e-5


@pytest.mark.parametrize("name", ["dynamo", "stopgap"])
def test_cryocat_reads_both(written, name):
    cryomotl = reader("cryocat.cryomotl")
    path = written(name, placed(euler=EULER))
    motl = {"dynamo": cryomotl.DynamoMotl, "stopgap": cryomotl.StopgapMotl}[name](str(path))
    np.testing.assert_allclose(motl.get_coordinates(), xyz(POSITION), atol=1e-3)
    relion = cryomotl.RelionMotl()
    relion.df = motl.df.copy()
    back = relion.convert_angles_to_relion(motl.df.copy())[ANGLES].to_numpy()
    ours = Rotation.from_euler("ZYZ", EULER, degrees=True)
    assert (Rotation.from_euler("ZYZ", back, degrees=True) * ours.inv()).magnitude().max() < 1e-5


@pytest.mark.parametrize("shape", [EVEN, ODD])
@pytest.mark.parametrize("pixel_size", [VOXEL, VOXEL / 4])
def test_cryocat_finds_relion5s_picks_through_its_tomograms(tmp_path, shape, pixel_size):
    cryomotl = reader("cryocat.cryomotl")
    what = placed(shape, EULER, pixel_size)
    write_session([what], "ribosome", "relion5", tmp_path)
    particles, tomograms = (starfile.read(tmp_path / name) for name in ("ribosome.star", "tomograms.star"))
    motl = cryomotl.RelionMotlv5(particles, tomograms, pixel_size=what.frame.pixel_angstrom)
    np.testing.assert_allclose(motl.get_coordinates(), xyz(POSITION) * what.frame.binning, atol=0.01)


@pytest.mark.parametrize("shape", [EVEN, ODD])
@pytest.mark.parametrize("binning", [1, 4])
def test_eman2_is_in_unbinned_pixels_from_the_middle_voxel(written, shape, binning):
    body = json.loads(written("eman2", placed(shape, pixel_size=VOXEL / binning)).read_text())
    position = np.array([box[:3] for box in body["boxes_3d"]])
    middle = np.array([extent // 2 for extent in shape[::-1]])
    np.testing.assert_allclose(position * body["apix_unbin"] / VOXEL + middle, xyz(POSITION), atol=1e-3)
    assert [box[3:5] for box in body["boxes_3d"]] == [["tomobox", 0.9], ["tomobox", 0.6], ["tomobox", 0.4]]


def test_copick_is_in_angstrom_from_the_corner(written):
    body = json.loads(written("copick", placed(euler=EULER)).read_text())
    position = np.array([[point["location"][axis] for axis in "xyz"] for point in body["points"]])
    np.testing.assert_allclose(position, xyz(POSITION) * VOXEL, atol=1e-3)
    assert body["run_name"] == "TS_01"
    turn = np.array([point["transformation_"] for point in body["points"]])[:, :3, :3]
    assert (Rotation.from_matrix(turn) * Rotation.from_euler("ZYZ", EULER, degrees=True)).magnitude().max() < 1e-5


def test_copick_reads_it(written):
    models = reader("copick.models")
    picks = models.CopickPicksFile(**json.loads(written("copick", placed()).read_text()))
    assert picks.trust_orientation is False
    places = [(point.location.x, point.location.y, point.location.z) for point in picks.points]
    np.testing.assert_allclose(places, xyz(POSITION) * VOXEL, atol=1e-3)
    assert [point.score for point in picks.points] == pytest.approx([0.9, 0.6, 0.4])


def test_copick_opens_a_sessions_folder_as_a_project(tmp_path):
    copick = reader("copick")
    names = ["TS_01", "TS-01", "TS_1-2", "a+b,c=d", "50%", "T:1~", "Zelle_ä", "断层_01", "TS 02", "[1]*?"]
    sets = [placed(name=name, euler=EULER) for name in names]
    for feature in ("ribosome", "ATP_synthase"):
        write_session(sets, feature, "copick", tmp_path)
    root = copick.from_file(str(tmp_path / "copick_config.json"))
    assert [(one.name, one.label, one.is_particle) for one in root.pickable_objects] == [
        ("ribosome", 1, True), ("ATP-synthase", 2, True)
    ]  # fmt: skip
    known = read_names(tmp_path)
    assert {known.get(run.name, run.name) for run in root.runs} == set(names)
    for run in root.runs:
        for name in ("ribosome", "ATP-synthase"):
            (picks,) = run.get_picks(object_name=name)
            places, turns = picks.numpy()
            np.testing.assert_allclose(places, xyz(POSITION) * VOXEL, atol=1e-3)
            assert (Rotation.from_matrix(turns[:, :3, :3]) * TURNS.inv()).magnitude().max() < 1e-5


def test_cryocat_reads_em_motive_lists_as_they_stand_from_1(written):
    cryomotl = reader("cryocat.cryomotl")
    motl = cryomotl.EmMotl(str(written("em-motl", placed(euler=EULER))))
    np.testing.assert_allclose(motl.get_coordinates(), xyz(POSITION) + 1, atol=1e-4)
    np.testing.assert_allclose(motl.df["score"], [0.9, 0.6, 0.4], atol=1e-6)
    assert motl.df[["tomo_id", "subtomo_id"]].to_numpy().tolist() == [[1, 1], [1, 2], [1, 3]]
    relion = cryomotl.RelionMotl()
    relion.df = motl.df.copy()
    back = relion.convert_angles_to_relion(motl.df.copy())[ANGLES].to_numpy()
    assert (Rotation.from_euler("ZYZ", back, degrees=True) * TURNS).magnitude().max() < 1e-5


def test_copick_reads_em_motive_lists_from_1(written):
    formats = reader("copick.util.formats")
    places, angles, _ = formats.read_em_motivelist(str(written("em-motl", placed(euler=EULER))))
    np.testing.assert_allclose(places, xyz(POSITION), atol=1e-4)
    _, turns = formats.em_to_copick_transform(places, angles, VOXEL)
    assert (Rotation.from_matrix(turns[:, :3, :3]) * TURNS.inv()).magnitude().max() < 1e-5


def test_imodmodel_reads_imod_models(written):
    imodmodel = reader("imodmodel")
    path = written("imodmod", placed())
    np.testing.assert_allclose(
        imodmodel.read(path)[["x", "y", "z"]], xyz(POSITION) + np.array([0.5, 0.5, 0]), atol=1e-4
    )
    (shown,) = imodmodel.ImodModel.from_file(path).objects
    assert (shown.header.flags.scattered, shown.header.flags.use_value) == (True, True)
    assert [stored.value for stored in shown.contours[0].extra] == pytest.approx([0.9, 0.6, 0.4])


def test_imod_counts_from_the_corner_in_x_and_y_and_from_the_slice_in_z(written):
    points = np.loadtxt(written("imod", placed()))
    np.testing.assert_allclose(points, xyz(POSITION) + np.array([0.5, 0.5, 0]), atol=1e-3)


def test_csv_says_everything_in_plain_words(written):
    rows = list(csv.DictReader(written("csv", placed(euler=EULER)).read_text().splitlines()))
    assert [float(row["x_voxel"]) for row in rows] == pytest.approx(list(POSITION[:, 2]), abs=1e-3)
    assert [float(row["z_angstrom"]) for row in rows] == pytest.approx(list(POSITION[:, 0] * VOXEL), abs=1e-2)
    assert [float(row["tilt"]) for row in rows] == [20, 50, 170]
    assert rows[0]["volume_angstrom3"] == ""


@pytest.mark.parametrize("name", EXPORTERS)
def test_a_session_holds_the_picks_of_every_tomogram(name):
    sets = [placed(name="TS_01"), placed(name="TS_02", count=2), placed(name="TS_03", count=0)]
    files = EXPORTERS[name].session(sets, "ribosome")
    assert files == EXPORTERS[name].session(sets, "ribosome")
    whole = b"".join(map(as_bytes, files.values())) + "".join(files).encode()
    assert all(tomogram in whole for tomogram in (b"TS_01", b"TS_02"))


def test_relion5s_optimisation_set_names_its_files(tmp_path: Path):
    write_session([placed(pixel_size=VOXEL / 4)], "ribosome", "relion5", tmp_path)
    pairs = starfile.read(tmp_path / "optimisation_set.star")
    assert pairs == {
        "rlnTomoParticlesFile": str(tmp_path / "ribosome.star"),
        "rlnTomoTomogramsFile": str(tmp_path / "tomograms.star"),
    }
    tomograms = starfile.read(tmp_path / "tomograms.star")
    assert tomograms["rlnTomoSizeX"].item() == 320
    assert tomograms["rlnTomoTomogramBinning"].item() == pytest.approx(4)
