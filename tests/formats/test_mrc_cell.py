"""The voxel size is what the header's writer meant: cell, sampling and extents together say it."""

import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from livetomo.formats.mrc_cell import voxel_sizes
from livetomo.formats.mrc_header import read_header
from tests.mrc_files import header_block

extents = st.tuples(*[st.integers(2, 4000)] * 3)
sizes = st.floats(1.5, 400)


@given(extents, sizes)
def test_a_right_cell_gives_its_voxels_whatever_the_sampling_says(shape, size):
    x, y, z = shape
    whole = (x * size, y * size, z * size)
    assume(min(shape) * size > 1000 or len(set(shape)) > 1)  # else both readings are possible
    assume(max(shape) > 1.02 * min(shape))
    for sampling in ((x, y, z), (0, 0, 0), (1, 1, 1), (x, y, 1), (x, y, 0)):
        found, _ = voxel_sizes(whole, sampling, shape)
        assert found == pytest.approx((size,) * 3, rel=1e-6), sampling
    found, _ = voxel_sizes((size,) * 3, (1, 1, 1), shape)
    assert found == pytest.approx((size,) * 3)


@pytest.mark.parametrize(
    ("cell", "sampling", "shape", "expected", "said"),
    [
        ((2304, 1920, 1152), (192, 160, 96), (192, 160, 96), 12, ""),
        ((12, 12, 12), (1, 1, 1), (192, 160, 96), 12, "the cell is one voxel's"),
        ((2304, 1920, 1152), (1, 1, 1), (192, 160, 96), 12, "the cell is the whole volume's"),
        ((2304, 1920, 1152), (0, 0, 0), (192, 160, 96), 12, "the cell is the whole volume's"),
        ((12, 12, 12), (0, 0, 0), (192, 160, 96), 12, "the cell is one voxel's"),
        ((2304, 1920, 12), (192, 160, 1), (192, 160, 96), 12, ""),
        ((2304, 1920, 1152), (192, 160, 1), (192, 160, 96), 12, "the cell is the whole volume's"),
        ((2304, 2304, 2304), (1, 1, 1), (192, 192, 192), 12, "the cell is the whole volume's"),
        ((12, 12, 12), (1, 1, 1), (192, 192, 192), 12, "the cell is one voxel's"),
        ((600, 600, 600), (0, 0, 0), (60, 60, 60), 10, "the cell is the whole volume's"),
        ((12, 12, 12), (2, 2, 2), (192, 160, 96), 6, ""),  # as the standard says; others may contradict it
        ((2304, 1920, 1152), (768, 768, 384), (192, 160, 96), 12, "the cell is the whole volume's"),
        ((0, 0, 0), (192, 160, 96), (192, 160, 96), 0, ""),
        ((192, 160, 96), (192, 160, 96), (192, 160, 96), 1, ""),
    ],
)
def test_each_way_to_write_a_cell_is_understood(cell, sampling, shape, expected, said):
    found, note = voxel_sizes(cell, sampling, shape)
    assert found == pytest.approx((expected,) * 3)
    assert said in note
    assert bool(said) == bool(note)


def test_voxels_that_are_no_cubes_stay_so():
    found, note = voxel_sizes((2304, 1920, 2304), (192, 160, 96), (192, 160, 96))
    assert (found, note) == ((12, 12, 24), "")


def test_the_header_says_how_its_cell_was_read(tmp_path):
    block = header_block(shape=(4, 6, 8))
    struct.pack_into("<3i", block, 28, 1, 1, 1)
    (tmp_path / "a.mrc").write_bytes(block)
    header = read_header(tmp_path / "a.mrc")
    assert header.voxel_size_xyz == (10, 10, 10)
    assert header.cell_note == "mx, my and mz are 1, 1, 1; the cell is the whole volume's"
