"""In which byte order an MRC header makes sense; its machine stamp only breaks ties, as many are wrong."""

import math
import struct
from pathlib import Path
from typing import Literal

from livetomo.core.errors import AbsurdHeader, NotAnMrc
from livetomo.core.evidence import Evidence

ByteOrder = Literal["<", ">"]

_NAMES: dict[ByteOrder, str] = {"<": "little-endian", ">": "big-endian"}
_STAMPS: dict[int, ByteOrder] = {0x44: "<", 0x11: ">"}
_MODES = frozenset((0, 1, 2, 3, 4, 6, 12, 16, 101))
_MOST_SAMPLING = 10**6
_MOST_EXTENDED_BYTES = 2**30
_VERSIONS = range(20000, 21000)


def byte_order(block: bytes, path: Path, *, most_extent: int, most_voxels: int) -> tuple[ByteOrder, Evidence, str]:
    """The order, who says so, and the contradiction where the stamp says another; "" where it does not.

    Raises:
        NotAnMrc: it has no stamp, and makes sense in neither order.
        AbsurdHeader: it has the stamp of an MRC file, but none that names an order, and makes sense in neither.
    """
    is_stamped = block[208:211] == b"MAP"
    stamped = _STAMPS.get(block[212]) if is_stamped else None
    orders: tuple[ByteOrder, ByteOrder] = ("<", ">")
    sense = {order: _sense(block, order, most_extent, most_voxels) for order in orders}
    best: ByteOrder = max(orders, key=lambda order: (sense[order], order == stamped, order == "<"))
    if sense[best] < 0:
        if stamped is None:
            if is_stamped:
                raise AbsurdHeader(path, "neither byte order gives it a sensible shape")
            raise NotAnMrc(path, "it has no MRC stamp, and its first bytes are not the shape of a volume")
        best = stamped
    source = "machine stamp" if stamped == best else "header"
    contradiction = ""
    if stamped is not None and stamped != best:
        contradiction = (
            f"Byte order: the machine stamp says {_NAMES[stamped]}, but the header makes sense {_NAMES[best]} alone; "
            "it is read so."
        )
    return best, Evidence("byte_order", _NAMES[best], source, contradiction), contradiction


def _sense(block: bytes, order: ByteOrder, most_extent: int, most_voxels: int) -> int:
    """How many of the header's other fields can be right in this order; -1 where its shape or mode cannot."""
    *extents, mode = struct.unpack_from(order + "4i", block, 0)
    if not all(0 < extent <= most_extent for extent in extents) or not 0 <= mode < 128:
        return -1
    if math.prod(extents) > most_voxels:
        return -1
    sampling = struct.unpack_from(order + "3i", block, 28)
    cell = struct.unpack_from(order + "3f", block, 40)
    axes = struct.unpack_from(order + "3i", block, 64)
    (extended,) = struct.unpack_from(order + "i", block, 92)
    (version,) = struct.unpack_from(order + "i", block, 108)
    return sum(
        (
            mode in _MODES,
            all(0 <= count <= _MOST_SAMPLING for count in sampling),
            all(length == 0 or 1e-3 <= abs(length) <= 1e8 for length in cell),
            sorted(axes) == [1, 2, 3] or axes == (0, 0, 0),
            0 <= extended <= _MOST_EXTENDED_BYTES,
            version == 0 or version in _VERSIONS,
        )
    )
