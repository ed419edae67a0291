"""A compressed volume is read as what it holds, whatever it is called; a damaged one is the file's own fault."""

import bz2
import gzip
from pathlib import Path

import numpy as np
import pytest

from livetomo.core.errors import DamagedCompression, OtherFormat, PermanentError, TruncatedVolume
from livetomo.formats.endings import OTHERS, by_ending, plain_path, stem
from livetomo.formats.mrc import read_box, read_volume
from livetomo.formats.mrc_header import read_header
from tests.volumes import balls, write_tomogram


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> Path:
    return write_tomogram(tmp_path_factory.mktemp("in") / "TS_01.mrc", balls())


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
@pytest.mark.parametrize("name", ["TS_01.mrc.gz", "TS_01.rec.bz2", "TS_01.mrc"])
def test_a_compressed_volume_is_read_as_what_it_holds(plain, tmp_path, pack, name):
    path = tmp_path / name
    path.write_bytes(pack(plain.read_bytes()))
    assert read_header(path).shape_zyx == read_header(plain).shape_zyx
    np.testing.assert_array_equal(read_volume(path).voxels, read_volume(plain).voxels)
    np.testing.assert_array_equal(read_box(path, 20).voxels, read_box(plain, 20).voxels)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_a_compressed_volume_that_is_cut_or_broken_is_the_files_own_fault(plain, tmp_path, pack):
    packed = pack(plain.read_bytes())
    path = tmp_path / "TS_01.mrc.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DamagedCompression, match="Copy it again"):
        read_volume(path)
    broken = bytearray(packed)
    broken[len(packed) // 2] ^= 0xFF
    path.write_bytes(broken)
    with pytest.raises(PermanentError):
        read_volume(path)
    path.write_bytes(pack(plain.read_bytes()[:-100]))
    with pytest.raises(TruncatedVolume):
        read_volume(path)
    path.write_bytes(packed[:12])
    with pytest.raises(DamagedCompression):
        read_header(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.mrc", b"\x89HDF\r\n\x1a\n"), ("a.mrc", b"II*\0"), ("a.em", b"\6\0\0\2"), ("a.mrc.xz", b"\xfd7zXZ\0")],
)
def test_another_format_is_named_and_how_to_convert_it(tmp_path, name, content):
    (tmp_path / name).write_bytes(content + bytes(range(256)) * 8)
    with pytest.raises(OtherFormat, match=r"livetomo reads MRC files\. (Convert it|Decompress it)"):
        read_header(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "plain_name", "is_other"),
    [
        *[
            ("TS_01.mrc.gz", "TS_01.mrc", False),
            ("TS_01.REC", "TS_01.rec", False),
            ("TS_01.MRC.bz2", "TS_01.mrc", False),
        ],
        *[("a.b.c.mrc", "a.b.c.mrc", False), ("TS_01.Map.gz", "TS_01.Map", True), ("TS_01.HDF", "TS_01.HDF", True)],
        *[("TS_01.mrc~", "TS_01.mrc~", True), ("TS_01.ome.zarr", "TS_01.ome.zarr", True), ("gz", "gz", False)],
    ],
)
def test_an_ending_says_what_a_file_is(name, plain_name, is_other):
    assert plain_path(name) == plain_name
    assert (by_ending(name) is not None) == is_other
    assert stem(name) == plain_name.rpartition(".")[0] or stem(name) == name


def test_the_page_on_producers_names_each_ending_that_is_listed():
    page = (Path(__file__).parents[2] / "docs" / "producers.md").read_text(encoding="utf-8")
    assert [ending for ending in OTHERS if f"`{ending.replace('.rec.', '.mrc.')}`" not in page] == []
