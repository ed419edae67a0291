"""Report an MRC file's header so that its owner may send it to a stranger: no voxels, no folder, no label in full."""

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from livetomo.core.errors import PermanentError
from livetomo.formats.compressed import read_beginning
from livetomo.formats.mrc_header import HEADER_BYTES, check_size, read_header

_LABELS_AT = 224
_LABEL_BYTES, _MOST_LABELS = 80, 10
_LINE_BYTES = 32
_FIELDS = (
    ("nx, ny, nz", 0, "3i"),
    ("mode", 12, "i"),
    ("nxstart, nystart, nzstart", 16, "3i"),
    ("mx, my, mz", 28, "3i"),
    ("cell (Å)", 40, "3f"),
    ("cell angles (°)", 52, "3f"),
    ("mapc, mapr, maps", 64, "3i"),
    ("dmin, dmax, dmean", 76, "3f"),
    ("ispg", 88, "i"),
    ("nsymbt", 92, "i"),
    ("exttyp", 104, "4s"),
    ("nversion", 108, "i"),
    ("IMOD's stamp and flags", 152, "2i"),
    ("origin (Å)", 196, "3f"),
    ("map", 208, "4s"),
    ("machine stamp", 212, "4B"),
    ("rms", 216, "f"),
    ("nlabl", 220, "i"),
)


@dataclass(frozen=True, slots=True)
class HeaderReport:
    """What a file's header holds, and what livetomo makes of it.

    file, size_bytes: the name without its folder; of a compressed file the compressed size.
    fields:           MRC's own names, and the values as stored; none where there is no whole header.
    written_by:       the first word of each label, which names a program.
    first_bytes:      the header up to its labels, in hexadecimal, 32 bytes in each line.
    read_as:          shape, voxel size and what else follows; none where the file is refused.
    warnings:         what in the header contradicts itself.
    refused:          why livetomo does not read the file; empty where it does.
    """

    file: str
    size_bytes: int
    compression: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    written_by: tuple[str, ...] = ()
    first_bytes: tuple[str, ...] = ()
    read_as: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    refused: str = ""


def report_header(path: Path) -> HeaderReport:
    """Report the header of `path`, also of a file that livetomo refuses.

    Raises:
        OSError: as the file system says it.
    """
    name, size = path.name, path.stat().st_size
    try:
        with path.open("rb") as file:
            block, compression = read_beginning(file, HEADER_BYTES, path)
    except PermanentError as fault:
        return HeaderReport(name, size, refused=str(fault))
    try:
        header = check_size(read_header(path), size, path)
    except PermanentError as fault:
        return HeaderReport(name, size, compression, **_stored(block, "<"), refused=str(fault))
    read_as = {
        "shape_zyx": header.shape_zyx,
        "voxel_size_xyz_angstrom": tuple(round(one, 4) for one in header.voxel_size_xyz),
        "voxel_size_note": header.cell_note,
        "axes_as_stored": header.axis_order,
        "byte_order": {"<": "little-endian", ">": "big-endian"}[header.byte_order],
        "data_begin_at_byte": header.data_offset,
        "declared_bytes": header.declared_bytes,
    }
    return HeaderReport(
        name, size, compression, **_stored(block, header.byte_order), read_as=read_as, warnings=header.warnings
    )


def _stored(block: bytes, order: str) -> dict[str, Any]:
    """What the bytes hold; of what cannot be a header (its first numbers have a zero byte) only what shows its kind."""
    if len(block) < HEADER_BYTES or b"\0" not in block[:_LINE_BYTES]:
        return {"first_bytes": tuple(_lines(block[:_LINE_BYTES]))}
    fields = {name: _written(struct.unpack_from(order + kind, block, at)) for name, at, kind in _FIELDS}
    return {"fields": fields, "written_by": tuple(_programs(block)), "first_bytes": tuple(_lines(block[:_LABELS_AT]))}


def _written(values: tuple[Any, ...]) -> str:
    return " ".join(
        repr(value.decode("ascii", "replace")) if isinstance(value, bytes) else f"{value:.10g}" for value in values
    )


def _programs(block: bytes) -> Iterator[str]:
    """The first word of each label: what follows it may be a path, a person or a date."""
    for number in range(_MOST_LABELS):
        begin = _LABELS_AT + number * _LABEL_BYTES
        label = block[begin : begin + _LABEL_BYTES].decode("ascii", "replace")
        if word := re.match(r"\s*([A-Za-z][\w.+-]*)(?![/\\\w@])", label):
            yield word[1]


def _lines(block: bytes) -> Iterator[str]:
    for begin in range(0, len(block), _LINE_BYTES):
        yield block[begin : begin + _LINE_BYTES].hex()
