"""Read a volume from an MRC file of any supported kind, and write maps that lie where their tomogram lies.

Our own, as mrcfile takes about twice the time, and writes with two to four times the memory: see the figures in
`tests/benchmarks/test_mrc.py`. It is the tests' referee.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from livetomo.core.errors import TruncatedVolume
from livetomo.core.geometry import TomogramGeometry
from livetomo.formats.compressed import decompressed, read_to_end
from livetomo.formats.mrc_header import HEADER_BYTES, MrcHeader, check_size, parse_header

PROBABILITY_SCALE = 127
_DTYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_MODES = {np.dtype(np.int8): 0, np.dtype(np.int16): 1, np.dtype(np.float32): 2, np.dtype(np.float16): 12}


@dataclass(frozen=True, slots=True)
class Volume:
    """The voxels as the file holds them, (z, y, x), in the type that they are stored in."""

    voxels: npt.NDArray[np.generic]
    header: MrcHeader


def read_volume(path: Path) -> Volume:
    """The volume in `path`, whatever its mode, byte order, extended header and order of axes.

    It is read, not mapped: a file that is cut short under a mapping would kill the process instead of raising.

    Raises:
        PermanentError: what is wrong with the file (see `mrc_header`).
        OSError: as the file system says it.
    """
    with _opened(path) as (header, file):
        file.seek(header.data_offset)
        stored = np.empty(header.stored_shape, np.dtype(_stored_type(header)).newbyteorder(header.byte_order))
        found = _fill(stored, file)
        if header.compression:
            read_to_end(file)
    if found < stored.nbytes:
        raise TruncatedVolume(path, header.declared_bytes, header.data_offset + found)
    if not stored.dtype.isnative:
        stored = stored.byteswap(inplace=True).view(stored.dtype.newbyteorder())
    z, y, x = (header.axis_order.index(axis) for axis in "zyx")
    return Volume(stored.transpose(z, y, x), header)


def read_box(path: Path, most: int) -> Volume:
    """The central box of at most `most` voxels along each axis; its header is the whole volume's.

    Only the rows that cross the box are read, so that a large file on a slow mount costs little.

    Raises:
        PermanentError: what is wrong with the file (see `mrc_header`).
        OSError: as the file system says it.
    """
    with _opened(path) as (header, file):
        dtype = np.dtype(_stored_type(header)).newbyteorder(header.byte_order)
        sections, rows, columns = (slice((n - min(n, most)) // 2, (n + min(n, most)) // 2) for n in header.stored_shape)
        _, height, width = header.stored_shape
        box = np.empty([axis.stop - axis.start for axis in (sections, rows, columns)], dtype.newbyteorder("="))
        band = np.empty((rows.stop - rows.start, width), dtype)
        for into, section in zip(box, range(sections.start, sections.stop), strict=True):
            file.seek(header.data_offset + (section * height + rows.start) * width * dtype.itemsize)
            if _fill(band, file) < band.nbytes:
                raise TruncatedVolume(path, header.declared_bytes, file.tell())
            into[:] = band[:, columns]
    z, y, x = (header.axis_order.index(axis) for axis in "zyx")
    return Volume(box.transpose(z, y, x), header)


def write_map(path: Path, voxels: npt.NDArray[np.generic], geometry: TomogramGeometry, label: str = "livetomo") -> None:
    """Write a (z, y, x) map of int8, int16, float16 or float32 to `path`, which must not exist yet.

    MRC has no unsigned bytes (they would be read as signed, or silently widened), so probabilities go as
    int8 0..127: see `as_probability_bytes`.
    """
    with path.open("xb") as file:
        file.write(_header_block(voxels, geometry, label))
        for section in voxels:
            file.write(np.ascontiguousarray(section).astype(section.dtype.newbyteorder("<"), copy=False).data)


def as_probability_bytes(probability: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """0..1 as int8 0..127, rounded, section by section."""
    packed = np.empty(probability.shape, np.int8)
    for section, into in zip(probability, packed, strict=True):
        np.rint(section * PROBABILITY_SCALE, out=into, casting="unsafe")
    return packed


@contextmanager
def _opened(path: Path) -> Iterator[tuple[MrcHeader, BinaryIO]]:
    """The header, and the file to read from; of a compressed one what it holds, which can be sought forward only."""
    with path.open("rb") as file:
        header = parse_header(file, path)
        if header.compression:
            with decompressed(file, header.compression, path) as stream:
                yield header, stream
        else:
            yield check_size(header, file.seek(0, 2), path), file


def _stored_type(header: MrcHeader) -> str:
    return "u1" if header.unsigned_bytes else _DTYPES[header.mode]


def _fill(array: npt.NDArray[np.generic], file: BinaryIO) -> int:
    """Read until `array` is full or the file ends; the bytes that came."""
    view = memoryview(array.reshape(-1).view(np.uint8).data)
    found = 0
    while found < len(view):
        count = file.readinto(view[found:])  # type: ignore[attr-defined]  # typeshed: BinaryIO lacks it
        if not count:
            break
        found += count
    return found


def _header_block(voxels: npt.NDArray[np.generic], geometry: TomogramGeometry, label: str) -> bytes:
    """A little-endian MRC2014 header, version 20141."""
    sections, rows, columns = voxels.shape
    lowest, highest, mean, deviation = _statistics(voxels)
    block = bytearray(HEADER_BYTES)
    struct.pack_into("<4i", block, 0, columns, rows, sections, _MODES[voxels.dtype])
    struct.pack_into("<6i", block, 16, *geometry.nstart, columns, rows, sections)
    struct.pack_into("<6f3i", block, 40, *geometry.extent_angstrom, 90.0, 90.0, 90.0, 1, 2, 3)
    struct.pack_into("<3fi", block, 76, lowest, highest, mean, 1)  # space group 1: a volume
    struct.pack_into("<i", block, 108, 20141)
    struct.pack_into("<3f", block, 196, *geometry.origin_angstrom)
    block[208:216] = b"MAP DD\0\0"
    struct.pack_into("<f", block, 216, deviation)
    text = label.encode("ascii", "replace")[:80].ljust(80)
    struct.pack_into("<i", block, 220, 1)
    block[224:304] = text
    return bytes(block)


def _statistics(voxels: npt.NDArray[np.generic]) -> tuple[float, float, float, float]:
    """Lowest, highest, mean and standard deviation, one section at a time so that nothing large is made."""
    lowest, highest, total, squares = np.inf, -np.inf, 0.0, 0.0
    for section in voxels:
        values = section.astype(np.float64)
        lowest, highest = min(lowest, float(values.min())), max(highest, float(values.max()))
        total += float(values.sum())
        squares += float(np.square(values).sum())
    mean = total / voxels.size
    return lowest, highest, mean, max(squares / voxels.size - mean * mean, 0.0) ** 0.5
