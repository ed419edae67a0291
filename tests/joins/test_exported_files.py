"""What exporters write and readers read, whole: positions to a hundredth of an Å, and every column of every star."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import starfile
from scipy.spatial.transform import Rotation

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.exporter import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.star import parse_loops, read_loops
from livetomo.results.session_files import write_session
from tests.exported import WITHOUT_ANGLES, WITHOUT_SCORES

VOXEL = 13.4812
SHAPE = (401, 960, 1024)
FRAMES = {
    "as it was recorded": Frame("TS_01", TomogramGeometry(SHAPE, VOXEL), VOXEL),
    "binned": Frame("TS_02", TomogramGeometry(SHAPE, VOXEL), VOXEL / 8),
    "of another voxel size": Frame("TS_03", TomogramGeometry((200, 480, 511), 2 * VOXEL), 3.37),
    "cropped": Frame("TS_04", TomogramGeometry(SHAPE, VOXEL), VOXEL / 4, series_size_xyz=(4100, 4000, 1700)),
    "of a series": Frame("TS_05", TomogramGeometry(SHAPE, VOXEL), VOXEL / 4, tilt_series_name="Position_5"),
}
THOUSANDTHS = 0.00057
"""Of a voxel: CSV and IMOD have three digits, and float32 some less."""
UNESTIMATED = {"TS_02"}
"""A tomogram in which nobody knows how many picks are false, or how well a map fits."""
WITH_SHARES = {"relion5", "relion5-priors", "relion4", "relion31", "warp", "napari", "csv"}
CHECKED_COLUMNS = {
    "particles": {
        "rlnTomoName", "rlnMicrographName", "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi", "rlnAutopickFigureOfMerit",
        "livetomoFalseShare", "livetomoMatchScore", "rlnTomoParticleName", "rlnTomoImportParticleFile",
        "rlnTomoSubtomogramRot", "rlnTomoSubtomogramTilt", "rlnTomoSubtomogramPsi", "rlnAngleTiltPrior",
        "rlnAnglePsiPrior",
        *(f"{name}{axis}{unit}" for axis in "XYZ" for name, unit in (
            ("rlnCenteredCoordinate", "Angst"), ("rlnCoordinate", ""), ("rlnOrigin", "Angst"))),
    },
    "cryolo": {
        "CoordinateX", "CoordinateY", "CoordinateZ", "Width", "Height", "Depth", "EstWidth", "EstHeight", "Confidence",
        "NumBoxes", "Angle",
    },
    "cryolo_include": {"slice_index"},
    "global": {
        "cbox_format_version", "rlnTomoName", "rlnTomoTiltSeriesPixelSize", "rlnTomoTomogramBinning", "rlnTomoSizeX",
        "rlnTomoSizeY", "rlnTomoSizeZ",
    },
    "optics": {
        "rlnOpticsGroupName", "rlnOpticsGroup", "rlnMicrographPixelSize", "rlnVoltage", "rlnSphericalAberration",
        "rlnAmplitudeContrast",
    },
    "micrographs": {"rlnMicrographName", "rlnOpticsGroup"},
    "optimisation_set": {"rlnTomoParticlesFile", "rlnTomoTomogramsFile"},
    "stopgap_motivelist": {
        "motl_idx", "tomo_num", "object", "subtomo_num", "halfset", "orig_x", "orig_y", "orig_z", "score", "x_shift",
        "y_shift", "z_shift", "phi", "psi", "the", "class",
    },
}  # fmt: skip


def placed(frame: Frame, *, count: int = 40) -> Placed:
    chance = np.random.default_rng(len(frame.name) + frame.geometry.shape_zyx[0])
    position = (chance.random((count, 3)) * (np.array(frame.geometry.shape_zyx) - 1)).astype(np.float32)
    euler = chance.uniform([-179, 1, -179], [179, 179, 179], (count, 3)).astype(np.float32)
    volume = chance.uniform(1e5, 1e7, count).astype(np.float32)
    score = np.sort(chance.random(count).astype(np.float32))[::-1]
    share = None if frame.name in UNESTIMATED else np.linspace(0.01, 0.4, count).astype(np.float32)
    match = None if frame.name in UNESTIMATED else chance.uniform(-0.1, 0.8, count).astype(np.float32)
    return Placed(Picks(position, score, volume, euler, share, match), frame)


SETS = [placed(frame) for frame in FRAMES.values()]


def assert_same(back: Picks, written: Placed, name: str, *, angles: bool) -> None:
    difference = (
        np.abs(back.position.astype(float) - written.picks.position) * written.frame.geometry.voxel_size_angstrom
    )
    least = written.frame.geometry.voxel_size_angstrom * THOUSANDTHS if name in ("csv", "imod") else 0
    assert difference.max() < max(0.01, least)
    if name not in WITHOUT_SCORES:
        np.testing.assert_allclose(back.score, written.picks.score, atol=1e-6)
    if name in WITH_SHARES and written.picks.false_share is not None:
        np.testing.assert_allclose(back.false_share, written.picks.false_share, atol=1e-6)
        np.testing.assert_allclose(back.match_score, written.picks.match_score, atol=1e-6)
    else:
        assert back.false_share is None
        assert back.match_score is None
    if name == "csv":
        np.testing.assert_allclose(back.volume, written.picks.volume, rtol=1e-6)
    if angles:
        turns = [Rotation.from_euler("ZYZ", one.euler.astype(float), degrees=True) for one in (back, written.picks)]
        assert np.degrees((turns[0] * turns[1].inv()).magnitude()).max() < 0.01
    else:
        assert back.euler is None


@pytest.mark.parametrize("name", EXPORTERS)
@pytest.mark.parametrize("which", FRAMES)
def test_a_tomogram_s_file_is_read_back_to_a_hundredth_of_an_angstrom(name: str, which: str) -> None:
    written = placed(FRAMES[which])
    back = EXPORTERS[name].read(EXPORTERS[name].content(written, "ribosome"), written.frame)
    assert_same(back, written, name, angles=name not in (*WITHOUT_ANGLES, "peet"))


@pytest.mark.parametrize("name", EXPORTERS)
def test_a_session_of_unlike_tomograms_is_read_back_to_a_hundredth_of_an_angstrom(name: str) -> None:
    exporter = EXPORTERS[name]
    back = exporter.read_session(exporter.session(SETS, "ribosome"), "ribosome", list(FRAMES.values()))
    assert set(back) == {exporter.called(frame) for frame in FRAMES.values()}
    for written in SETS:
        assert_same(back[exporter.called(written.frame)], written, name, angles=name not in WITHOUT_ANGLES)


@pytest.mark.parametrize("name", EXPORTERS)
def test_starfile_and_our_reader_find_the_same_in_every_star(name: str, tmp_path: Path) -> None:
    for path in write_session(SETS, "ribosome", name, tmp_path):
        if path.suffix not in (".star", ".cbox"):
            continue
        theirs, ours = starfile.read(path, always_dict=True), read_loops(path)
        assert list(theirs) == list(ours)
        for block, table in theirs.items():
            table = table if isinstance(table, pd.DataFrame) else pd.DataFrame({key: [table[key]] for key in table})
            assert list(table) == list(ours[block])
            assert set(table) <= CHECKED_COLUMNS[block or "particles"], "a column that no test reads"
            for column, words in ours[block].items():
                if set(words) == {"<NA>"}:
                    assert table[column].isna().all()
                elif pd.api.types.is_numeric_dtype(table[column]):
                    np.testing.assert_allclose(table[column], [float(word) for word in words], atol=1e-9)
                else:
                    assert list(table[column]) == words


def test_relion_5_s_tomograms_have_the_geometry_that_their_particles_count_in() -> None:
    files = EXPORTERS["relion5"].session(SETS, "ribosome")
    columns = parse_loops(files["tomograms.star"])["global"]
    rows = {row[0]: [float(word) for word in row[1:]] for row in zip(*columns.values(), strict=True)}
    for frame in FRAMES.values():
        pixel, binning, *size = rows[frame.series]
        assert pixel * binning == pytest.approx(frame.geometry.voxel_size_angstrom, abs=1e-4)
        assert pixel == pytest.approx(frame.pixel_angstrom, abs=1e-6)
        assert tuple(size) == frame.unbinned_xyz
    pairs = parse_loops(files["optimisation_set.star"])["optimisation_set"]
    assert all(Path(names[0]).name in files for names in pairs.values())


def test_relion_3_1_s_optics_say_each_tomogram_its_voxel_size() -> None:
    exporter = EXPORTERS["relion31"]
    blocks = parse_loops(exporter.session(SETS, "ribosome")["tomograms.star"])
    optics, micrographs = blocks["optics"], blocks["micrographs"]
    size = dict(zip(optics["rlnOpticsGroup"], map(float, optics["rlnMicrographPixelSize"]), strict=True))
    group = dict(zip(micrographs["rlnMicrographName"], micrographs["rlnOpticsGroup"], strict=True))
    for frame in FRAMES.values():
        assert size[group[f"{exporter.called(frame)}.mrc"]] == pytest.approx(
            frame.geometry.voxel_size_angstrom, abs=1e-6
        )
    assert {*optics["rlnVoltage"], *optics["rlnSphericalAberration"], *optics["rlnAmplitudeContrast"]} == {
        "300.000000", "2.700000", "0.100000",
    }  # fmt: skip


@pytest.mark.parametrize("which", FRAMES)
def test_what_else_says_a_size_says_the_tomogram_s_own(which: str) -> None:
    written = placed(FRAMES[which], count=2)
    texts = {name: EXPORTERS[name].content(written, "ribosome") for name in ("eman2", "copick", "dynamo")}
    assert json.loads(texts["eman2"])["apix_unbin"] == written.frame.pixel_angstrom
    assert json.loads(texts["copick"])["voxel_spacing"] == written.frame.geometry.voxel_size_angstrom
    for line in texts["dynamo"].splitlines():
        assert float(line.split()[35]) == pytest.approx(written.frame.geometry.voxel_size_angstrom, abs=1e-3)
    (path,) = EXPORTERS["warp"].session([written], "ribosome")
    size = float(path.removeprefix("ribosome_").removesuffix("A.star"))
    assert size == pytest.approx(written.frame.geometry.voxel_size_angstrom, abs=1e-4)
