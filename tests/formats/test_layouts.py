"""Each file is laid out as its program's documentation says: read by what knows the documentation alone."""

import csv
import json
import struct
from xml.etree import ElementTree

import numpy as np
import pytest
import starfile
from scipy.spatial.transform import Rotation

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.em_motl import EmMotlExporter
from livetomo.formats.exporter import EXPORTERS, as_bytes
from livetomo.formats.frame import DEFAULT_DIAMETER_ANGSTROM, Frame, Placed
from livetomo.formats.imod_model import ImodModelExporter
from livetomo.formats.peet import PeetExporter

VOXEL = 13.48
FRAME = Frame("TS_01", TomogramGeometry((40, 60, 80), VOXEL))
POSITION = np.array([[10.25, 20.5, 30.125], [0, 0, 0], [39, 59.5, 79]], np.float32)
EULER = np.array([[90, 45, 180], [-45, 90, 120], [100, 170, -80]], np.float32)
SCORE = np.array([0.9, 0.6, 0.4], np.float32)
SHARE = np.array([0.01, 0.05, 0.1], np.float32)
XYZ = POSITION[:, ::-1]
# what turns the reference into the first two particles, as the CryoET Data Portal ingests these angles of RELION's
PORTALS_TURNS = [
    [[0, -0.7071067811865475, 0.7071067811865475], [1, 0, 0], [0, 0.7071067811865475, 0.7071067811865475]],
    [
        [0.6123724356957945, 0.6123724356957947, 0.5],
        [-0.3535533905932737, -0.35355339059327356, 0.8660254037844386],
        [0.7071067811865475, -0.7071067811865475, 0],
    ],
]


def placed(euler=EULER, *, diameter=250.0, count=3, share=None) -> Placed:
    turned = None if euler is None else euler[:count]
    known = None if share is None else share[:count]
    picks = Picks(POSITION[:count], SCORE[:count], np.full(count, np.nan, np.float32), turned, known)
    return Placed(picks, FRAME, diameter)


def content(name, what=None):
    return EXPORTERS[name].content(what or placed(), "ribosome")


def chunks(model: bytes):
    """As the description of IMOD's binary format has them: structures of known sizes, then chunks that say theirs."""
    place, found = 240, []
    while (kind := model[place : place + 4]) != b"IEOF":
        place += 4
        if kind == b"OBJT":
            size = 176
        elif kind == b"CONT":
            size = 16 + 12 * struct.unpack_from(">i", model, place)[0]
        else:
            size = struct.unpack_from(">i", model, place)[0]
            place += 4
        found.append((kind, model[place : place + size]))
        place += size
    assert place + 4 == len(model)
    return found


def test_an_imod_model_is_one_object_of_scattered_points_with_their_scores():
    model = content("imodmod")
    assert model[:8] == b"IMODV1.2"
    assert struct.unpack_from(">4i", model, 8 + 128) == (80, 60, 40, 1)
    flags, pixel, unit = (
        struct.unpack_from(kind, model, 136 + at)[0] for kind, at in ((">I", 16), (">f", 80), (">i", 84))
    )
    assert flags >> 10 & 1  # z from -0.5
    assert flags >> 13 & 1  # materials as bytes
    assert (pixel, unit) == (pytest.approx(VOXEL / 10), -9)  # nm
    found = chunks(model)
    assert [kind for kind, _ in found] == [b"OBJT", b"CONT", b"COST", b"IMAT", b"OBST"]
    (_, shown), (_, contour), (_, values), (_, material), (_, extremes) = found
    assert shown[:64].rstrip(b"\0") == b"ribosome"
    contours, flags, _, _ = struct.unpack_from(">iIii", shown, 128)
    assert (contours, flags) == (1, 1 << 9 | 1 << 12)
    assert struct.unpack_from(">i", shown, 156)[0] == round(125 / VOXEL)  # the radius of its spheres, in pixels
    points = np.frombuffer(contour, ">f4", offset=16).reshape(3, 3)
    np.testing.assert_allclose(points, XYZ + np.array([0.5, 0.5, 0]), atol=1e-5)
    stored = list(struct.iter_unpack(">hhif", values))
    assert [(kind, flags, index) for kind, flags, index, _ in stored] == [(10, 4 | 128, point) for point in range(3)]
    assert [value for *_, value in stored] == pytest.approx(SCORE.tolist())
    assert struct.unpack(">hhff", extremes) == (11, 1 | 4 | 16, pytest.approx(0.4), pytest.approx(0.9))
    assert (len(material), material[12:14]) == (16, b"\0\xff")


def test_a_model_without_points_is_a_model():
    assert dict(chunks(content("imodmod", placed(count=0))))[b"COST"] == b""


@pytest.mark.parametrize("cut", [0, 100, 300, 420, 460, -4, -20])
def test_a_model_that_is_cut_is_refused(cut):
    with pytest.raises((ValueError, LookupError)):
        ImodModelExporter().read(content("imodmod")[:cut], FRAME)


def test_peets_motive_list_turns_the_reference_as_the_portal_does():
    files = PeetExporter().session([placed()], "ribosome")
    assert list(files) == ["TS_01_ribosome.mod", "TS_01_ribosome_initMOTL.csv"]
    assert files["TS_01_ribosome.mod"] == content("imodmod")
    head, *rows = csv.reader(files["TS_01_ribosome_initMOTL.csv"].decode().splitlines())
    assert head[0] == "CCC"
    assert (head[3], head[10:13], head[16:19]) == (
        "pIndex", ["xOffset", "yOffset", "zOffset"], ["EulerZ(1)", "EulerZ(3)", "EulerX(2)"]
    )  # fmt: skip
    table = np.array(rows, float)
    assert table.shape == (3, 20)
    np.testing.assert_allclose(table[:, 0], SCORE)
    assert table[:, 3].tolist() == [1, 2, 3]
    assert not table[:, 10:13].any()
    assert_turns(phi=table[:, 16], psi=table[:, 17], theta=table[:, 18])


def assert_turns(phi, psi, theta):
    """The reference is turned by phi about z, then by theta about x, then by psi about z; the axes stay."""
    turns = Rotation.from_euler("zxz", np.column_stack([phi, theta, psi]), degrees=True).as_matrix()
    np.testing.assert_allclose(turns[:2], PORTALS_TURNS, atol=1e-5)


def test_peets_list_and_model_must_have_the_same_particles():
    exporter = PeetExporter()
    files = dict(exporter.session([placed()], "ribosome"))
    files["TS_01_ribosome_initMOTL.csv"] = files["TS_01_ribosome_initMOTL.csv"].rsplit(b"\n", 2)[0] + b"\n"
    with pytest.raises(ValueError, match="has 2 rows for 3 points"):
        exporter.read_session(files, "ribosome", [FRAME])


def test_an_em_motive_list_has_toms_header_and_av3s_rows():
    files = EmMotlExporter().session([placed(), placed(count=2)], "ribosome")
    assert files["ribosome_motl_tomograms.txt"] == b"1 TS_01\n2 TS_01\n"
    table = files["ribosome_motl.em"]
    assert (table[0], table[3]) == (6, 5)  # of a PC, float32
    assert struct.unpack_from("<3i", table, 4) == (20, 5, 1)
    rows = np.frombuffer(table, "<f4", offset=512).reshape(5, 20)
    np.testing.assert_allclose(rows[:, 0], [0.9, 0.6, 0.4, 0.9, 0.6])
    assert rows[:, 3].tolist() == [1, 2, 3, 4, 5]
    assert rows[:, 4].tolist() == [1, 1, 1, 2, 2]
    np.testing.assert_allclose(rows[:3, 7:10], XYZ + 1)
    assert not rows[:, 10:13].any()
    assert_turns(phi=rows[:3, 16], psi=rows[:3, 17], theta=rows[:3, 18])


@pytest.mark.parametrize("cut", [0, 3, 10, 500, -4])
def test_an_em_file_that_is_cut_is_refused(cut):
    with pytest.raises((ValueError, LookupError)):
        EmMotlExporter().read(content("em-motl")[:cut], FRAME)


@pytest.mark.parametrize("euler", [EULER, None])
def test_the_portals_annotations_are_points_in_voxels_with_its_matrix(euler):
    points = [json.loads(line) for line in content("cryoet-portal", placed(euler)).splitlines()]
    places = [[point["location"][axis] for axis in "xyz"] for point in points]
    np.testing.assert_allclose(places, XYZ, atol=1e-4)
    assert [point["score"] for point in points] == pytest.approx(SCORE.tolist())
    if euler is None:
        assert {point["type"] for point in points} == {"point"}
        assert all("xyz_rotation_matrix" not in point for point in points)
    else:
        assert {point["type"] for point in points} == {"orientedPoint"}
        np.testing.assert_allclose([point["xyz_rotation_matrix"] for point in points][:2], PORTALS_TURNS, atol=1e-12)


def test_the_portals_own_annotations_have_these_matrices(data):
    star = starfile.read(data / "formats/cryoet-data-portal-backend/annotations/relion_3_star.star")
    angles = star[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy()[:2]
    np.testing.assert_array_equal(angles, EULER[:2])
    copick = json.loads((data / "formats/cryoet-data-portal-backend/annotations/copick.json").read_text())
    turns = np.array([point["transformation_"] for point in copick["points"]])[:2, :3, :3]
    np.testing.assert_allclose(turns, PORTALS_TURNS, atol=1e-12)


def test_chimeras_markers_are_spheres_in_angstrom():
    markers = ElementTree.fromstring(content("chimerax"))
    assert markers.tag == "marker_set"
    assert [marker.get("id") for marker in markers] == ["1", "2", "3"]
    places = [[float(marker.get(axis)) for axis in "xyz"] for marker in markers]
    np.testing.assert_allclose(places, XYZ * VOXEL, atol=1e-3)
    assert {float(marker.get("radius")) for marker in markers} == {125}
    assert all(0 <= float(marker.get(colour)) <= 1 for marker in markers for colour in "rgb")
    assert [float(marker.get("score")) for marker in markers] == pytest.approx(SCORE.tolist())


@pytest.mark.parametrize("name", ["chimerax", "cbox", "imodmod"])
def test_a_size_that_nobody_said_is_the_default(name):
    known = content(name, placed(diameter=DEFAULT_DIAMETER_ANGSTROM))
    assert content(name, placed(diameter=None)) == known
    assert content(name, placed(diameter=90.0)) != known


def test_a_marker_file_that_is_cut_is_refused():
    with pytest.raises(ValueError, match="no XML"):
        EXPORTERS["chimerax"].read(content("chimerax")[:-20], FRAME)


def test_naparis_columns_are_axes_and_features():
    head, *rows = csv.reader(content("napari", placed(share=SHARE)).splitlines())
    assert head == ["index", "axis-0", "axis-1", "axis-2", "score", "rot", "tilt", "psi", "false_share"]
    table = np.array(rows, float)
    assert table[:, 0].tolist() == [0, 1, 2]
    np.testing.assert_allclose(table[:, 1:4], POSITION, atol=1e-4)
    np.testing.assert_allclose(table[:, 4], SCORE, atol=1e-6)
    np.testing.assert_allclose(table[:, 8], SHARE, atol=1e-6)
    assert content("napari", placed(None)).splitlines()[0] == "index,axis-0,axis-1,axis-2,score"


def test_a_cbox_is_a_corner_in_x_and_y_and_a_slice_in_z(tmp_path):
    (tmp_path / "x.cbox").write_bytes(as_bytes(content("cbox")))
    blocks = starfile.read(tmp_path / "x.cbox", always_dict=True)
    assert float(blocks["global"]["cbox_format_version"]) == 1.0
    boxes = blocks["cryolo"]
    assert list(boxes) == [
        "CoordinateX", "CoordinateY", "CoordinateZ", "Width", "Height", "Depth", "EstWidth", "EstHeight", "Confidence",
        "NumBoxes", "Angle",
    ]  # fmt: skip
    width = round(250 / VOXEL)
    assert set(boxes[["Width", "Height", "Depth"]].to_numpy().ravel()) == {width}
    corner = boxes[["CoordinateX", "CoordinateY", "CoordinateZ"]].to_numpy()
    np.testing.assert_allclose(corner + np.array([width / 2, width / 2, 0]), XYZ, atol=1e-5)
    np.testing.assert_allclose(boxes["Confidence"], SCORE, atol=1e-6)
    assert sorted(blocks["cryolo_include"]["slice_index"]) == [0, 10, 39]
