"""Picks as an IMOD model: the binary file that 3dmod shows over the tomogram.

Written after IMOD's public description of the format (bio3d.colorado.edu/imod/doc/binspec.html): big-endian, a header,
an object of scattered points with one contour, and chunks that have an identifier and a size.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram, picks_at
from livetomo.formats.frame import Frame, Placed, Points

CORNER_XYZ = np.array([0.5, 0.5, 0.0])
"""The centre of the first voxel in model coordinates: they run from 0 in x and y, and from -0.5 in z."""

_MODEL = np.dtype([
    ("id", "S8"), ("name", "S128"), ("size", ">i4", 3), ("objects", ">i4"), ("flags", ">u4"), ("drawn", ">i4"),
    ("mouse", ">i4"), ("black", ">i4"), ("white", ">i4"), ("offset", ">f4", 3), ("scale", ">f4", 3),
    ("current", ">i4", 3), ("resolution", ">i4"), ("threshold", ">i4"), ("pixel", ">f4"), ("unit", ">i4"),
    ("checksum", ">i4"), ("angles", ">f4", 3),
])  # fmt: skip
_OBJECT = np.dtype([
    ("id", "S4"), ("name", "S64"), ("extra", ">u4", 16), ("contours", ">i4"), ("flags", ">u4"), ("axis", ">i4"),
    ("mode", ">i4"), ("colour", ">f4", 3), ("radius", ">i4"), ("symbol", "u1"), ("symbol_size", "u1"),
    ("line_2d", "u1"), ("line_3d", "u1"), ("rest", "u1", 4), ("meshes", ">i4"), ("surfaces", ">i4"),
])  # fmt: skip
_CONTOUR = np.dtype([("id", "S4"), ("points", ">i4"), ("flags", ">u4"), ("time", ">i4"), ("surface", ">i4")])
_STORED = np.dtype([("type", ">i2"), ("flags", ">i2"), ("index", ">i4"), ("value", ">f4")])
_EXTREMES = np.dtype([("type", ">i2"), ("flags", ">i2"), ("least", ">f4"), ("most", ">f4")])
_Z_FROM_MINUS_HALF, _NEW, _CLIPS, _BYTES = 1 << 10, 1 << 11, 1 << 12, 1 << 13
_SCATTERED, _SHOWS_VALUES = 1 << 9, 1 << 12
_VALUE, _MINIMUM_AND_MAXIMUM = 10, 11
_FLOAT_INDEX, _FLOAT_VALUE, _NO_INDEX, _ONE_POINT = 1 << 0, 1 << 2, 1 << 4, 1 << 7
_NANOMETRES = -9
_MATERIAL = bytes((102, 255, 127, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0))  # as 3dmod has it; values from 0 to 255


class ImodModelExporter(PerTomogram[bytes]):
    """A model per tomogram: spheres of the particles' radius, whose stored values are the scores."""

    name = "imodmod"
    ending = "mod"

    def content(self, placed: Placed, feature: str) -> bytes:
        return model_bytes(placed, feature)

    def path(self, called: str, feature: str) -> str:
        return f"{called}_{feature}.mod"

    def read(self, content: bytes, frame: Frame) -> Picks:
        """The inverse of `content`; angles are not in it."""
        return picks_at(*read_model(content))


def model_bytes(placed: Placed, feature: str) -> bytes:
    """A model with one object, which is called as the feature."""
    geometry, scores = placed.frame.geometry, placed.picks.score
    model = _filled(_MODEL, {
        "id": b"IMODV1.2", "name": b"livetomo", "size": geometry.shape_zyx[::-1], "objects": 1,
        "flags": _Z_FROM_MINUS_HALF | _NEW | _CLIPS | _BYTES, "drawn": 1, "mouse": 1, "white": 255, "scale": 1,
        "resolution": 3, "threshold": 128, "pixel": geometry.voxel_size_angstrom / 10, "unit": _NANOMETRES,
    })  # fmt: skip
    shown = _filled(_OBJECT, {
        "id": b"OBJT", "name": feature.encode()[:63], "contours": 1, "flags": _SCATTERED | _SHOWS_VALUES, "mode": 1,
        "colour": (1, 0.6, 0.1), "radius": max(1, round(geometry.voxels(placed.radius_angstrom))), "symbol": 1,
        "symbol_size": 3, "line_2d": 1, "line_3d": 1,
    })  # fmt: skip
    contour = _filled(_CONTOUR, {"id": b"CONT", "points": len(scores)})
    points: bytes = (placed.voxels_xyz() + CORNER_XYZ).astype(">f4").tobytes()
    values = np.zeros(len(scores), _STORED)
    values["type"], values["flags"] = _VALUE, _FLOAT_VALUE | _ONE_POINT
    values["index"], values["value"] = np.arange(len(scores)), scores
    kind = {"type": _MINIMUM_AND_MAXIMUM, "flags": _FLOAT_INDEX | _FLOAT_VALUE | _NO_INDEX}
    extremes = _filled(_EXTREMES, kind | {"least": scores.min(initial=1), "most": scores.max(initial=0)})
    chunks = _chunk(b"COST", values.tobytes()) + _chunk(b"IMAT", _MATERIAL) + _chunk(b"OBST", extremes)
    return model + shown + contour + points + chunks + b"IEOF"


def read_model(content: bytes) -> tuple[Points, Points]:
    """The inverse of `model_bytes`: voxel indices x, y, z (n, 3), and scores.

    Raises:
        LookupError, ValueError: it is not what `model_bytes` wrote.
    """
    start = _MODEL.itemsize + _OBJECT.itemsize
    (contour,) = np.frombuffer(content, _CONTOUR, 1, start)
    start, count = start + _CONTOUR.itemsize, int(contour["points"])
    points = np.frombuffer(content, ">f4", 3 * count, start).reshape(count, 3).astype(np.float64)
    chunks = dict(_chunks(content, start + points.size * 4))
    values = np.frombuffer(chunks[b"COST"], _STORED)
    if content[:8] != b"IMODV1.2" or contour["id"] != b"CONT" or len(values) != count:
        raise ValueError("it is no IMOD model of scattered points with a value each")
    return points - CORNER_XYZ, values["value"].astype(np.float64)


def _filled(kind: np.dtype[Any], values: Mapping[str, Any]) -> bytes:
    """A record, zeros but for these."""
    record = np.zeros((), kind)
    for name, value in values.items():
        record[name] = value
    content: bytes = record.tobytes()
    return content


def _chunk(identifier: bytes, data: bytes) -> bytes:
    return identifier + len(data).to_bytes(4, "big") + data


def _chunks(content: bytes, start: int) -> Iterator[tuple[bytes, bytes]]:
    """Up to the mark of the end."""
    while content[start : start + 4] != b"IEOF":
        size = int.from_bytes(content[start + 4 : start + 8], "big")
        if start + 8 + size > len(content):
            raise ValueError("it is cut: the mark of the end is missing")
        yield content[start : start + 4], content[start + 8 : start + 8 + size]
        start += 8 + size
