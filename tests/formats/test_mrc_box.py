"""The middle of a volume is read without the rest of it."""

import mrcfile
import numpy as np
import pytest

from livetomo.core.errors import TruncatedVolume
from livetomo.formats.mrc import read_box, read_volume
from tests.mrc_files import header_block


@pytest.mark.parametrize("dtype", ["f4", "f2", "i2", "i1"])
@pytest.mark.parametrize("most", [1, 4, 5, 100])
def test_the_box_is_the_middle_of_the_volume(tmp_path, dtype, most):
    path = tmp_path / "a.mrc"
    mrcfile.write(path, np.random.default_rng(0).normal(0, 30, (6, 9, 12)).astype(dtype), voxel_size=3)
    whole, box = read_volume(path), read_box(path, most)
    middle = tuple(slice((n - min(n, most)) // 2, (n + min(n, most)) // 2) for n in (6, 9, 12))
    np.testing.assert_array_equal(box.voxels, whole.voxels[middle])
    assert box.voxels.shape == tuple(min(n, most) for n in (6, 9, 12))
    assert box.header == whole.header


def test_other_axes_and_byte_orders_are_read_as_the_whole_is(tmp_path):
    path = tmp_path / "a.mrc"
    stored = np.arange(4 * 6 * 8, dtype=">f4")
    path.write_bytes(header_block((4, 6, 8), axes=(1, 3, 2), machine=b"\x11\x11\0\0", order=">") + stored.tobytes())
    np.testing.assert_array_equal(read_box(path, 100).voxels, read_volume(path).voxels)
    assert read_box(path, 4).voxels.shape == (4, 4, 4)


def test_a_file_that_ends_too_soon_is_reported(tmp_path):
    path = tmp_path / "a.mrc"
    path.write_bytes(header_block((4, 6, 8)) + bytes(100))
    with pytest.raises(TruncatedVolume):
        read_box(path, 4)
