"""A volume is read as it was written, and a map written from it lies where it lay."""

from pathlib import Path

import mrcfile
import numpy as np
import pytest

from livetomo.core.errors import TruncatedVolume
from livetomo.core.geometry import TomogramGeometry
from livetomo.formats.mrc import as_probability_bytes, read_volume, write_map
from tests.mrc_files import header_block

GEOMETRY = TomogramGeometry((4, 6, 8), 13.48, (100.0, -200.0, 300.5), (1, -2, 3))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32, np.uint16, np.float16])
def test_every_mode_is_read_as_mrcfile_wrote_it(tmp_path: Path, dtype):
    data = np.arange(4 * 6 * 8).reshape(4, 6, 8).astype(dtype)
    path = tmp_path / "a.rec"
    mrcfile.write(path, data, voxel_size=10)
    volume = read_volume(path)
    assert volume.voxels.dtype == dtype
    np.testing.assert_array_equal(volume.voxels, data)


@pytest.mark.parametrize("dtype", [">i2", ">f4", ">f2"])
def test_big_endian_voxels_behind_an_extended_header_are_read(tmp_path: Path, dtype):
    data = np.arange(4 * 6 * 8).reshape(4, 6, 8).astype(dtype)
    path = tmp_path / "a.mrc"
    mode = {">i2": 1, ">f4": 2, ">f2": 12}[dtype]
    block = header_block(mode=mode, order=">", machine=b"\x11\x11\0\0", extended=100)
    path.write_bytes(bytes(block) + bytes(100) + data.tobytes())
    voxels = read_volume(path).voxels
    assert voxels.dtype.isnative
    np.testing.assert_array_equal(voxels, data)


@pytest.mark.parametrize(("axes", "order"), [((1, 3, 2), "yzx"), ((3, 2, 1), "xyz"), ((2, 1, 3), "zxy")])
def test_permuted_axes_come_out_as_z_y_x(tmp_path: Path, axes, order):
    wanted = np.random.default_rng(1).normal(size=(4, 6, 8)).astype(np.float32)
    stored = np.ascontiguousarray(wanted.transpose(*("zyx".index(axis) for axis in order)))
    path = tmp_path / "a.mrc"
    path.write_bytes(bytes(header_block(shape=stored.shape, axes=axes)) + stored.tobytes())
    volume = read_volume(path)
    assert volume.header.axis_order == order
    np.testing.assert_array_equal(volume.voxels, wanted)


def test_imod_bytes_are_read_unsigned(tmp_path: Path):
    block = header_block(mode=0, shape=(2, 2, 2))
    block[152:160] = (1146047817).to_bytes(4, "little") + bytes(4)
    path = tmp_path / "a.rec"
    path.write_bytes(bytes(block) + bytes([0, 1, 127, 128, 200, 250, 254, 255]))
    assert read_volume(path).voxels.ravel().tolist() == [0, 1, 127, 128, 200, 250, 254, 255]


def test_a_volume_that_ends_early_is_reported(tmp_path: Path):
    path = tmp_path / "a.mrc"
    path.write_bytes(bytes(header_block()) + bytes(700))
    with pytest.raises(TruncatedVolume, match="1,724 of 1,792"):
        read_volume(path)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float16, np.float32])
def test_a_written_map_is_valid_and_lies_where_its_tomogram_lies(tmp_path: Path, dtype):
    data = (np.random.default_rng(1).normal(size=(4, 6, 8)) * 20).astype(dtype)
    path = tmp_path / "map.mrc"
    write_map(path, data, GEOMETRY)
    assert mrcfile.validate(path)
    with mrcfile.open(path) as file:
        np.testing.assert_array_equal(file.data, data)
        assert file.voxel_size.item() == pytest.approx((13.48,) * 3)
        assert file.header.rms == pytest.approx(data.std(dtype=np.float64), rel=1e-4)
    header = read_volume(path).header
    assert header.origin_xyz == GEOMETRY.origin_angstrom
    assert header.nstart_xyz == GEOMETRY.nstart


def test_a_map_never_replaces_a_file(tmp_path: Path):
    path = tmp_path / "map.mrc"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        write_map(path, np.zeros((2, 2, 2), np.int8), GEOMETRY)


def test_a_view_with_strides_is_written_in_order(tmp_path: Path):
    data = np.arange(24, dtype=np.float32).reshape(4, 3, 2).transpose(2, 0, 1)
    write_map(tmp_path / "map.mrc", data, GEOMETRY)
    np.testing.assert_array_equal(read_volume(tmp_path / "map.mrc").voxels, data)


def test_probabilities_become_signed_bytes_up_to_127():
    packed = as_probability_bytes(np.array([[[0, 0.5, 1.0]]], np.float32))
    assert packed.dtype == np.int8
    assert packed.ravel().tolist() == [0, 64, 127]
