"""Picks in a volume that is stored turned: formats that go with the file count in it, the others in the upright one."""

from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from click.testing import CliRunner
from scipy.spatial.transform import Rotation

from livetomo.cli import picks
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import result_name, session_folder, tomogram_folder
from livetomo.formats.exporter import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.stored_frame import in_frame_of
from livetomo.processing.pipeline import run as pipeline
from livetomo.results.session_files import write_session
from livetomo.results.session_picks import newest_results, read_picks
from tests.volumes import VOXEL_ANGSTROM, balls, order_for, write_tomogram

OF_THE_FILE = {
    *("relion31", "dynamo", "stopgap", "em-motl", "eman2", "copick", "cryoet-portal"),
    *("imod", "imodmod", "peet", "napari", "chimerax", "cbox"),
}
UPRIGHT = [(24, 20, 20), (20, 60, 25), (30, 40, 60)]


@pytest.fixture(scope="module")
def session(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """A result of a file as IMOD's tilt stores it, and the volume in that file."""
    folder = tmp_path_factory.mktemp("turned")
    upright = balls(places=UPRIGHT)
    stored = np.ascontiguousarray(np.flip(upright, axis=0).transpose(1, 0, 2))  # sections along y, z downwards
    path = write_tomogram(folder / "TS_1_full_rec.mrc", stored)
    order = order_for(path, facts=SidecarFacts(stored_axes="yzx"))
    pipeline.run(order, tomogram_folder(str(folder / "out"), order.tomogram) / result_name(1, order.recipe.hash))
    return session_folder(str(folder / "out"), "krios1", "session"), mrcfile.read(path)


def darkness(volume: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    """The mean around each voxel index x, y, z; matter is dark."""
    around = []
    for x, y, z in np.rint(xyz).astype(int):
        around.append(volume[max(z - 2, 0) : z + 3, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].mean())
    return np.array(around)


@pytest.mark.parametrize("name", EXPORTERS)
def test_what_goes_with_the_file_counts_in_the_file_and_the_rest_in_the_upright_volume(session, tmp_path, name):
    folder, stored = session
    (placed,) = read_picks(newest_results(folder), "ribosome")
    assert placed.frame.is_turned
    assert len(placed.picks) == 3
    exporter = EXPORTERS[name]
    expected = in_frame_of(exporter, placed)
    files = {
        path.relative_to(tmp_path).as_posix(): path for path in write_session([placed], "ribosome", name, tmp_path)
    }
    content = exporter.content(expected, "ribosome")
    kind = type(content)
    read = {
        path: file.read_bytes() if kind is bytes else file.read_text() for path, file in files.items() if file.is_file()
    }
    found = exporter.read_session(read, "ribosome", [expected.frame])[exporter.called(expected.frame)]
    xyz = found.position[:, ::-1]
    upright = np.ascontiguousarray(np.flip(stored.transpose(1, 0, 2), axis=0))
    volume, other = (stored, upright) if name in OF_THE_FILE else (upright, stored)
    assert (darkness(volume, xyz) < -2).all()
    assert not (darkness(other, xyz) < -2).all()


def test_angles_are_turned_with_the_volume():
    """What points along the upright z axis points along the file's -y axis (depth - 1 - z), and so on."""
    chance = np.random.default_rng(1)
    euler = chance.uniform([-179, 1, -179], [179, 179, 179], (20, 3)).astype(np.float32)
    position = (chance.random((20, 3)) * 30).astype(np.float32)
    frame = Frame("TS_1", TomogramGeometry((30, 40, 50), VOXEL_ANGSTROM), is_turned=True)
    ones = np.ones(20, np.float32)
    placed = Placed(Picks(position, ones, ones, euler), frame)
    stored = in_frame_of(EXPORTERS["dynamo"], placed)
    assert stored.frame.geometry.shape_zyx == (40, 30, 50)
    axis = np.array([0.2, -0.5, 0.9])
    before = Rotation.from_euler("ZYZ", euler, degrees=True).inv().apply(axis)  # x, y, z in the upright volume
    after = Rotation.from_euler("ZYZ", stored.picks.euler, degrees=True).inv().apply(axis)
    np.testing.assert_allclose(after, np.column_stack([before[:, 0], -before[:, 2], before[:, 1]]), atol=1e-4)
    upright = in_frame_of(EXPORTERS["relion5"], placed)
    assert upright is placed
    assert (
        in_frame_of(EXPORTERS["dynamo"], replace(placed, frame=replace(frame, is_turned=False))).picks is placed.picks
    )


def test_the_command_says_in_which_frame_positions_are(session, tmp_path):
    for name, words in (("imod", "as the files on disk have them"), ("relion4", "in the upright frame")):
        said = CliRunner().invoke(picks.command, [str(session[0]), "--format", name, "--output", str(tmp_path / name)])
        assert words in said.output
