"""RELION 5 finds the picks where they are."""

from pathlib import Path

import numpy as np
import pytest
import starfile

from livetomo.formats.export import EXPORTERS
from livetomo.formats.frame import Frame
from livetomo.formats.star import read_loops
from livetomo.picks import Picks

POSITION = [f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]


def some_picks(euler=None):
    position = np.array([[10.25, 20.5, 30.0], [0, 0, 0]], np.float32)
    return Picks(position, np.array([0.9, 0.4], np.float32), np.full(2, np.nan, np.float32), euler)


@pytest.mark.parametrize("shape", [(40, 60, 80), (41, 61, 81)])
def test_positions_are_angstrom_from_index_n_half(tmp_path: Path, shape):
    EXPORTERS["relion5"].write(tmp_path / "a.star", some_picks(), Frame("TS_01", shape, 13.48))
    table = starfile.read(tmp_path / "a.star")
    assert list(table["rlnTomoName"]) == ["TS_01"] * 2
    indices = table[POSITION].to_numpy()[:, ::-1] / 13.48 + np.array(shape) / 2
    np.testing.assert_allclose(indices, some_picks().position, atol=1e-4)
    np.testing.assert_allclose(table["rlnAutopickFigureOfMerit"], [0.9, 0.4], atol=1e-6)
    assert "rlnAngleRot" not in table


def test_orientations_are_written_where_there_are_any(tmp_path: Path):
    euler = np.array([[10, 20, 30], [40, 50, 60]], np.float32)
    EXPORTERS["relion5"].write(tmp_path / "a.star", some_picks(euler), Frame("TS_01", (4, 4, 4), 1))
    table = starfile.read(tmp_path / "a.star")
    np.testing.assert_allclose(table[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]], euler)


def test_no_picks_are_a_file_without_rows(tmp_path: Path):
    EXPORTERS["relion5"].write(tmp_path / "a.star", Picks.none(), Frame("TS_01", (4, 4, 4), 1))
    table = starfile.read(tmp_path / "a.star")
    assert len(table) == 0
    assert POSITION[0] in read_loops(tmp_path / "a.star")["particles"]


def test_our_own_reader_agrees_with_starfile(tmp_path: Path):
    EXPORTERS["relion5"].write(tmp_path / "a.star", some_picks(), Frame("TS_01", (40, 60, 80), 13.48))
    ours = read_loops(tmp_path / "a.star")["particles"]
    theirs = starfile.read(tmp_path / "a.star")
    assert list(ours) == list(theirs.columns)
    for column in POSITION:
        np.testing.assert_allclose([float(word) for word in ours[column]], theirs[column])
