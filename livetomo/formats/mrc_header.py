"""Read the header of an MRC volume and nothing more; without numpy, for processes that only watch files."""

import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from livetomo.errors import AbsurdHeader, NotAnMrc, TruncatedVolume, UnsupportedMode

HEADER_BYTES = 1024
MODE_BYTES = {0: 1, 1: 2, 2: 4, 6: 2, 12: 2}
MOST_VOXELS = 10**11
_MOST_EXTENT = 10**6
_MOST_EXTENDED_BYTES = 2**30
_IMOD_STAMP = 1146047817
_AXES = "xyz"


@dataclass(frozen=True, slots=True)
class MrcHeader:
    """What an MRC header says, in the order that a tomogram is thought of rather than as the file stores it.

    shape_zyx:           voxels along z, y and x, whatever order the file stores them in.
    voxel_size_xyz:      Å; 0 where the header has none, or one that is not a number.
    origin_xyz:          Å.
    nstart_xyz:          voxels.
    axis_order:          axes as stored, slowest first: "zyx" in nearly every file.
    unsigned_bytes:      mode 0 holds 0..255 (IMOD's stamp without its flag for signed bytes), not -128..127.
    """

    mode: int
    shape_zyx: tuple[int, int, int]
    extended_bytes: int
    voxel_size_xyz: tuple[float, float, float]
    origin_xyz: tuple[float, float, float]
    nstart_xyz: tuple[int, int, int]
    axis_order: str
    byte_order: Literal["<", ">"]
    unsigned_bytes: bool

    @property
    def data_offset(self) -> int:
        """Where the first voxel lies in the file."""
        return HEADER_BYTES + self.extended_bytes

    @property
    def data_bytes(self) -> int:
        """The bytes of all voxels."""
        return math.prod(self.shape_zyx) * MODE_BYTES[self.mode]

    @property
    def declared_bytes(self) -> int:
        """The size that a complete file has at least."""
        return self.data_offset + self.data_bytes

    @property
    def stored_shape(self) -> tuple[int, int, int]:
        """The shape as stored: sections, rows, columns."""
        slow, middle, fast = (self.shape_zyx["zyx".index(axis)] for axis in self.axis_order)
        return slow, middle, fast


def read_header(path: Path) -> MrcHeader:
    """The header of `path`.

    Raises:
        NotAnMrc: it is another kind of file, or an image instead of a volume.
        AbsurdHeader: no tomogram is like that; nothing has been allocated for it.
        UnsupportedMode: its voxels are of a kind that tomograms do not come in.
        OSError: as the file system says it.
    """
    with path.open("rb") as file:
        return parse_header(file, path)


def parse_header(file: BinaryIO, path: Path) -> MrcHeader:
    """As `read_header`, from an open file that stands at its first byte; `path` is for messages."""
    block = file.read(HEADER_BYTES)
    if len(block) < HEADER_BYTES:
        raise NotAnMrc(path, f"it has {len(block):,} bytes, and an MRC header alone has {HEADER_BYTES:,}")
    order = _byte_order(block, path)
    columns, rows, sections, mode = struct.unpack_from(order + "4i", block, 0)
    axis_order = _axis_order(struct.unpack_from(order + "3i", block, 64), path)
    extent = dict(zip(axis_order, (sections, rows, columns), strict=True))
    shape = (extent["z"], extent["y"], extent["x"])
    extended = struct.unpack_from(order + "i", block, 92)[0]
    _refuse_absurd(shape, extended, path)
    if mode not in MODE_BYTES:
        raise UnsupportedMode(path, mode)
    start = dict(zip(reversed(axis_order), struct.unpack_from(order + "3i", block, 16), strict=True))
    stamp, flags = struct.unpack_from(order + "2i", block, 152)
    origin_x, origin_y, origin_z = (_finite(value) for value in struct.unpack_from(order + "3f", block, 196))
    return MrcHeader(
        mode=mode,
        shape_zyx=shape,
        extended_bytes=extended,
        voxel_size_xyz=_voxel_size(block, order),
        origin_xyz=(origin_x, origin_y, origin_z),
        nstart_xyz=(start["x"], start["y"], start["z"]),
        axis_order=axis_order,
        byte_order=order,
        unsigned_bytes=mode == 0 and stamp == _IMOD_STAMP and not flags & 1,
    )


def check_size(header: MrcHeader, found_bytes: int, path: Path) -> None:
    """Refuse a file that ends before its volume does; bytes after the volume are left alone.

    Raises:
        TruncatedVolume: says how many bytes are missing.
    """
    if found_bytes < header.declared_bytes:
        raise TruncatedVolume(path, header.declared_bytes, found_bytes)


def _byte_order(block: bytes, path: Path) -> Literal["<", ">"]:
    """The byte order that the machine stamp names or, in files without a valid one, in which the header makes sense."""
    stamped = block[208:211] == b"MAP"
    if stamped and block[212] in (0x44, 0x11):
        return "<" if block[212] == 0x44 else ">"
    orders: tuple[Literal["<", ">"], ...] = ("<", ">")
    for order in orders:
        *extents, mode = struct.unpack_from(order + "4i", block, 0)
        if all(0 < extent <= _MOST_EXTENT for extent in extents) and 0 <= mode < 128:
            return order
    if stamped:
        raise AbsurdHeader(path, "neither byte order gives it a sensible shape")
    raise NotAnMrc(path, "it has no MRC stamp, and its first bytes are not the shape of a volume")


def _axis_order(stored: tuple[int, ...], path: Path) -> str:
    """Slowest axis first, from the numbers (1 x, 2 y, 3 z) of columns, rows and sections; all 0 means never set."""
    if stored == (0, 0, 0):
        return "zyx"
    if sorted(stored) != [1, 2, 3]:
        raise AbsurdHeader(path, f"its axes are numbered {stored[0]}, {stored[1]}, {stored[2]} instead of 1, 2, 3")
    return "".join(_AXES[axis - 1] for axis in reversed(stored))


def _refuse_absurd(shape: tuple[int, int, int], extended_bytes: int, path: Path) -> None:
    depth, height, width = shape
    if min(shape) < 1 or max(shape) > _MOST_EXTENT or math.prod(shape) > MOST_VOXELS:
        raise AbsurdHeader(path, f"it declares {depth:,} x {height:,} x {width:,} voxels (z, y, x)")
    if not 0 <= extended_bytes <= _MOST_EXTENDED_BYTES:
        raise AbsurdHeader(path, f"it declares an extended header of {extended_bytes:,} bytes")
    if min(shape) == 1:
        raise NotAnMrc(path, f"it holds one image, {depth} x {height} x {width} (z, y, x)")


def _voxel_size(block: bytes, order: str) -> tuple[float, float, float]:
    """Å along x, y and z: the cell divided by its sampling."""
    intervals = struct.unpack_from(order + "3i", block, 28)
    cell = struct.unpack_from(order + "3f", block, 40)
    x, y, z = (
        _finite(length / count) if count > 0 and length > 0 else 0.0
        for length, count in zip(cell, intervals, strict=True)
    )
    return x, y, z


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
