"""Read the header of an MRC volume and nothing more; without numpy, for processes that only watch files."""

import math
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from livetomo.core.errors import (
    AbsurdHeader,
    ConfigurationError,
    NotAnMrc,
    OtherFormat,
    SingleImage,
    TruncatedVolume,
    UnsupportedMode,
)
from livetomo.core.evidence import Evidence
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.voxel_size import WANTED, is_possible
from livetomo.formats.byte_order import ByteOrder, byte_order
from livetomo.formats.compressed import Compression, read_beginning
from livetomo.formats.endings import by_content, by_ending
from livetomo.formats.mrc_cell import voxel_sizes

HEADER_BYTES = 1024
MODE_BYTES = {0: 1, 1: 2, 2: 4, 6: 2, 12: 2}
MOST_VOXELS = 10**11
MOST_EXTENT = 10**6
_MOST_EXTENDED_BYTES = 2**30
_IMOD_STAMP = 1146047817
_AXES = "xyz"
_IMAGES = "The header says that the file is a stack of images (ISPG 0, mz 1); it is read as a volume."
# Of FEI's and ThermoFisher's files (1,024 sections of 128 bytes; of 768 and 888 bytes for each section it depends on
# their number), and of IMOD's and SerialEM's.
_EXTENDED_SIZES = (1024 * 128, 1024, 2048, 4096)
_PER_SECTION_BYTES = (768, 888)


@dataclass(frozen=True, slots=True)
class MrcHeader:
    """What an MRC header says, in the order that a tomogram is thought of rather than as the file stores it.

    shape_zyx:           voxels along z, y and x, whatever order the file stores them in.
    voxel_size_xyz:      Å; 0 where the header has none, or one that is not a number.
    origin_xyz:          Å.
    nstart_xyz:          voxels.
    axis_order:          axes as stored, slowest first: "zyx" in nearly every file.
    unsigned_bytes:      mode 0 holds 0..255 (IMOD's stamp without its flag for signed bytes), not -128..127.
    imod_stamp:          IMOD's own stamp and flags are there: it says itself whether bytes are signed.
    cell_note:           how the voxel size was read, where that is not as the standard says.
    evidence, warnings:  what was settled about the header, and what in it contradicts itself.
    space_group, sampled_sections: ISPG and mz: 0 and 1 for a stack of images, 401 and the depth of one volume for a
        stack of volumes; many writers of volumes leave them at anything.
    extended_type:       EXTTYP: who wrote the extended header.
    compression:         of the file; the header is that of what it holds.
    """

    mode: int
    shape_zyx: tuple[int, int, int]
    extended_bytes: int
    voxel_size_xyz: tuple[float, float, float]
    origin_xyz: tuple[float, float, float]
    nstart_xyz: tuple[int, int, int]
    axis_order: str
    byte_order: ByteOrder
    unsigned_bytes: bool
    imod_stamp: bool = False
    cell_note: str = ""
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = ()
    space_group: int = 1
    sampled_sections: int = 0
    extended_type: str = ""
    compression: Compression = ""

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

    def voxel_size(self, path: Path) -> float:
        """Å, for what is of no use without a scale; the header is that of the file at `path`.

        Raises:
            ConfigurationError: it has none that a voxel can have.
        """
        size = self.voxel_size_xyz[0]
        if not is_possible(size):
            raise ConfigurationError(f"{path}: has no voxel size in its header ({WANTED}). Set it there.")
        return size

    def geometry(self, voxel_size_angstrom: float | None = None) -> TomogramGeometry:
        """Where its voxels lie; with another voxel size where that has been settled."""
        size = self.voxel_size_xyz[0] if voxel_size_angstrom is None else voxel_size_angstrom
        return TomogramGeometry(self.shape_zyx, size, self.origin_xyz, self.nstart_xyz, stored_axes=self.axis_order)

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
    block, compression = read_beginning(file, HEADER_BYTES, path)
    if kind := by_content(block):
        raise OtherFormat(path, *kind)
    if len(block) < HEADER_BYTES:
        raise NotAnMrc(path, f"it has {len(block):,} bytes, and an MRC header alone has {HEADER_BYTES:,}")
    try:
        order, order_said, contradiction = byte_order(block, path, most_extent=MOST_EXTENT, most_voxels=MOST_VOXELS)
    except NotAnMrc:
        if kind := by_ending(path.name):
            raise OtherFormat(path, *kind) from None
        raise
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
    sampling = struct.unpack_from(order + "3i", block, 28)
    voxel_size, cell_note = voxel_sizes(struct.unpack_from(order + "3f", block, 40), sampling, shape[::-1])
    (space_group,) = struct.unpack_from(order + "i", block, 88)
    says_images = space_group == 0 and sampling[2] == 1 and sampling[0] > 1
    return MrcHeader(
        mode=mode,
        shape_zyx=shape,
        extended_bytes=extended,
        voxel_size_xyz=voxel_size,
        origin_xyz=(origin_x, origin_y, origin_z),
        nstart_xyz=(start["x"], start["y"], start["z"]),
        axis_order=axis_order,
        byte_order=order,
        unsigned_bytes=mode == 0 and stamp == _IMOD_STAMP and not flags & 1,
        imod_stamp=stamp == _IMOD_STAMP,
        cell_note=cell_note,
        evidence=(order_said,),
        warnings=tuple(filter(None, (contradiction, _IMAGES if says_images else ""))),
        space_group=space_group,
        sampled_sections=sampling[2],
        extended_type=block[104:108].decode("ascii", "replace"),
        compression=compression,
    )


def check_size(header: MrcHeader, found_bytes: int, path: Path) -> MrcHeader:
    """The header as the file's size shows it to be; a file that ends before its volume does is refused.

    Some programs copy the size of an extended header that they do not write. A file that is to the byte what it would
    be without one has none. Bytes after the volume are left alone.

    How long a compressed file is says nothing: only reading it to its end shows whether it is whole.

    Raises:
        TruncatedVolume: says how many bytes are missing.
    """
    surplus = found_bytes - header.declared_bytes
    if surplus == 0 or header.compression:
        return header
    if header.extended_bytes and found_bytes == HEADER_BYTES + header.data_bytes:
        said = (
            f"The header declares an extended header of {header.extended_bytes:,} bytes, which the file does not have: "
            "by its size the volume follows the header at once, and is read so."
        )
        return replace(header, extended_bytes=0, warnings=(*header.warnings, said))
    if surplus < 0:
        raise TruncatedVolume(path, header.declared_bytes, found_bytes, header.extended_bytes)
    if header.extended_bytes == 0 and _may_be_extended_header(surplus, header.stored_shape[0]):
        said = (
            f"The file has {surplus:,} bytes more than its header declares, as many as an extended header has. It is "
            f"read as declared, from byte {HEADER_BYTES:,} on; if pictures look torn, the volume begins "
            f"{surplus:,} bytes later."
        )
        return replace(header, warnings=(*header.warnings, said))
    return header


def _may_be_extended_header(surplus: int, sections: int) -> bool:
    return surplus in _EXTENDED_SIZES or surplus in {sections * one for one in _PER_SECTION_BYTES}


def _axis_order(stored: tuple[int, ...], path: Path) -> str:
    """Slowest axis first, from the numbers (1 x, 2 y, 3 z) of columns, rows and sections; all 0 means never set."""
    if stored == (0, 0, 0):
        return "zyx"
    if sorted(stored) != [1, 2, 3]:
        raise AbsurdHeader(path, f"its axes are numbered {stored[0]}, {stored[1]}, {stored[2]} instead of 1, 2, 3")
    return "".join(_AXES[axis - 1] for axis in reversed(stored))


def _refuse_absurd(shape: tuple[int, int, int], extended_bytes: int, path: Path) -> None:
    depth, height, width = shape
    if min(shape) < 1 or max(shape) > MOST_EXTENT or math.prod(shape) > MOST_VOXELS:
        raise AbsurdHeader(path, f"it declares {depth:,} x {height:,} x {width:,} voxels (z, y, x)")
    if not 0 <= extended_bytes <= _MOST_EXTENDED_BYTES:
        raise AbsurdHeader(path, f"it declares an extended header of {extended_bytes:,} bytes")
    if min(shape) == 1:
        raise SingleImage(path, shape)


def _finite(value: float) -> float:
    return value if math.isfinite(value) else 0.0
