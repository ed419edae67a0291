"""The header of a volume is understood, whatever program wrote it, and a header that cannot be right costs nothing."""

import struct
import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from livetomo.core.errors import AbsurdHeader, NotAnMrc, SingleImage, TruncatedVolume, UnsupportedMode
from livetomo.formats.mrc_header import check_size, read_header
from tests.mrc_files import header_block


@pytest.fixture
def written(tmp_path: Path):
    def write(block: bytes) -> Path:
        path = tmp_path / "a.mrc"
        path.write_bytes(block)
        return path

    return write


def test_it_agrees_with_mrcfile(tmp_path: Path):
    path = tmp_path / "a.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.zeros((4, 6, 8), np.int16))
        file.voxel_size = 13.5
        file.header.origin = (1, 2, 3)
        file.nstart = (4, 5, 6)
        file.set_extended_header(np.zeros(4, "V16"))
    header = read_header(path)
    assert header.shape_zyx == (4, 6, 8)
    assert header.voxel_size_xyz == pytest.approx((13.5, 13.5, 13.5))
    assert header.origin_xyz == (1, 2, 3)
    assert header.nstart_xyz == (4, 5, 6)
    assert (header.mode, header.extended_bytes, header.axis_order) == (1, 64, "zyx")
    assert header.declared_bytes == path.stat().st_size
    assert not header.unsigned_bytes


@pytest.mark.parametrize("stamp", [b"MAP ", b"\0\0\0\0"])
def test_either_byte_order_is_read_with_and_without_a_stamp(written, stamp):
    machine = b"\x11\x11\0\0" if stamp == b"MAP " else bytes(4)
    header = read_header(written(header_block(order=">", stamp=stamp, machine=machine)))
    assert (header.byte_order, header.shape_zyx, header.mode) == (">", (4, 6, 8), 2)


@pytest.mark.parametrize("mode", [0, 1, 2, 6, 12])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("machine", "says"),
    [(b"DD\0\0", "<"), (b"\x11\x11\0\0", ">"), (b"D\x11\0\0", "<"), (b"D   ", "<"), (b"\0\0\0\0", ""), (b"xx\0\0", "")],
)
@pytest.mark.parametrize("shape", [(4, 6, 8), (256, 512, 512), (300, 1024, 1024)])
def test_the_byte_order_is_that_in_which_the_header_makes_sense_and_a_stamp_that_contradicts_it_is_named(
    written, mode, order, machine, says, shape
):
    header = read_header(written(header_block(shape=shape, mode=mode, order=order, machine=machine)))
    assert (header.byte_order, header.shape_zyx, header.mode) == (order, shape, mode)
    assert header.voxel_size_xyz == (10, 10, 10)
    (said,) = header.evidence
    assert (said.what, said.source) == ("byte_order", "machine stamp" if says == order else "header")
    assert len(header.warnings) == (says not in ("", order))
    assert all(warning.startswith("Byte order: the machine stamp says") for warning in header.warnings)


def test_where_both_byte_orders_make_sense_the_stamp_decides(written):
    for machine, order in ((b"DD\0\0", "<"), (b"\x11\x11\0\0", ">")):
        block = bytearray(1024)
        struct.pack_into(order + "4i", block, 0, 256, 256, 65536, 0)
        block[208:216] = b"MAP " + machine
        assert read_header(written(block)).byte_order == order


def test_permuted_axes_are_reported_as_z_y_x(written):
    header = read_header(written(header_block(shape=(4, 6, 8), axes=(1, 3, 2))))
    assert header.axis_order == "yzx"
    assert header.shape_zyx == (6, 4, 8)
    assert header.stored_shape == (4, 6, 8)
    assert header.nstart_xyz == (7, 9, 8)


def test_imod_bytes_without_its_flag_are_unsigned(written):
    block = header_block(mode=0)
    struct.pack_into("<2i", block, 152, 1146047817, 0)
    assert read_header(written(block)).unsigned_bytes
    struct.pack_into("<2i", block, 152, 1146047817, 1)
    assert not read_header(written(block)).unsigned_bytes


@pytest.mark.parametrize("cell", [0.0, -5.0, float("nan"), float("inf")])
def test_a_voxel_size_that_is_none_is_zero(written, cell):
    block = header_block()
    struct.pack_into("<3f", block, 40, cell, cell, cell)
    assert read_header(written(block)).voxel_size_xyz == (0, 0, 0)


@pytest.mark.parametrize("text", [b"", b"hello", b"The quick brown fox jumps over the lazy dog. " * 100, bytes(4096)])
def test_another_kind_of_file_is_refused_in_one_sentence(written, text):
    with pytest.raises(NotAnMrc, match=r"^a\.mrc is not an MRC volume: .*\?$"):
        read_header(written(text))


def test_a_single_image_is_refused(written):
    with pytest.raises(SingleImage, match="one image"):
        read_header(written(header_block(shape=(1, 64, 64))))


@pytest.mark.parametrize(
    "block",
    [
        header_block(shape=(10_000, 10_000, 10_000)),
        header_block(shape=(2_000_000, 2, 2)),
        header_block(shape=(-4, 6, 8)),
        header_block(axes=(1, 1, 3)),
        header_block(extended=-1),
        header_block(extended=2**30 + 1),
    ],
)
def test_an_absurd_header_is_refused_before_anything_is_allocated(written, block):
    with pytest.raises(AbsurdHeader, match="cannot be right"):
        read_header(written(block))


@pytest.mark.parametrize("mode", [3, 4, 7, 101])
def test_an_unsupported_mode_is_named(written, mode):
    with pytest.raises(UnsupportedMode, match=str(mode)):
        read_header(written(header_block(mode=mode)))


def test_a_truncated_volume_is_reported_by_its_size_and_trailing_bytes_are_allowed(written):
    path = written(header_block())
    header = read_header(path)
    check_size(header, header.declared_bytes + 10, path)
    with pytest.raises(TruncatedVolume, match="1,791 of 1,792 bytes"):
        check_size(header, header.declared_bytes - 1, path)


@pytest.mark.parametrize("extended", [1024, 49_920, 131_072])
def test_an_extended_header_that_is_declared_but_not_written_is_reported_by_the_size_alone(written, extended):
    path = written(header_block(extended=extended))
    declared = read_header(path)
    whole, bare = declared.declared_bytes, declared.declared_bytes - extended
    assert check_size(declared, whole, path) == declared
    found = check_size(declared, bare, path)
    assert (found.data_offset, found.declared_bytes) == (1024, bare)
    assert f"declares an extended header of {extended:,} bytes, which the file does not have" in found.warnings[0]
    for size in (bare - 1, bare + 1, whole - 1):
        with pytest.raises(
            TruncatedVolume, match=f"{size:,} of {whole:,} bytes .*without one a whole file has {bare:,}"
        ):
            check_size(declared, size, path)


@pytest.mark.parametrize(
    ("surplus", "is_said"), [(131_072, True), (4 * 768, True), (1024, True), (10, False), (777, False)]
)
def test_bytes_that_may_be_an_extended_header_that_is_not_declared_are_said(written, surplus, is_said):
    path = written(header_block())
    declared = read_header(path)
    found = check_size(declared, declared.declared_bytes + surplus, path)
    assert found.data_offset == 1024
    assert any(f"{surplus:,} bytes more than its header declares" in one for one in found.warnings) == is_said


def test_a_missing_file_is_what_the_file_system_says(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        read_header(tmp_path / "gone.mrc")


def test_reading_a_header_imports_no_numpy():
    code = "import sys, livetomo.formats.mrc_header, livetomo.system.sampled_digest; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
