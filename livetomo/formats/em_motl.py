"""Picks as a motive list of TOM and AV3: an EM file of 20 numbers for each particle."""

import struct
from collections.abc import Sequence

import numpy as np

from livetomo.formats.frame import Placed, Points
from livetomo.formats.numbered import Numbered

_HEADER_BYTES = 512
_PC, _FLOAT32 = 6, 5
_ROWS = 20
_SCORE, _PARTICLE, _TOMOGRAM, _OBJECT, _PLACE, _ANGLES, _CLASS = 0, 3, 4, 5, slice(7, 10), slice(16, 19), 19
"""Rows of a particle, from 0; those between are zeros: a mean, shifts, and what nobody uses."""


class EmMotlExporter(Numbered[bytes]):
    """A `.em` motive list; for a session also a list of which number is which tomogram.

    Positions are voxels from 1, as MATLAB counts, and TOM and AV3 with it. The angles are phi, psi and theta (ZXZ).
    """

    name = "em-motl"
    ending = "em"
    table_file, list_file = "_motl.em", "_motl_tomograms.txt"

    def table(self, sets: Sequence[Placed]) -> bytes:
        """The motive list."""
        motives = np.zeros((sum(len(placed.picks) for placed in sets), _ROWS), "<f4")
        motives[:, _PARTICLE] = np.arange(1, len(motives) + 1)
        motives[:, (_OBJECT, _CLASS)] = 1
        end = 0
        for number, placed in enumerate(sets, start=1):
            start, end = end, end + len(placed.picks)
            mine = motives[start:end]
            mine[:, _SCORE], mine[:, _TOMOGRAM] = placed.picks.score, number
            mine[:, _PLACE], mine[:, _ANGLES] = placed.voxels_xyz() + 1, placed.zxz()
        head = struct.pack("<4B3i", _PC, 0, 0, _FLOAT32, _ROWS, len(motives), 1)
        return head.ljust(_HEADER_BYTES, b"\0") + motives.tobytes()

    def rows(self, table: bytes) -> Points:
        rows, count, depth = np.frombuffer(table, "<i4", 3, 4).tolist()
        kind = (table[0], table[3], rows, depth)
        if kind != (_PC, _FLOAT32, _ROWS, 1) or len(table) != _HEADER_BYTES + 4 * _ROWS * count:
            raise ValueError("it is not an EM file of 20 numbers for each particle, or it is cut")
        motives = np.frombuffer(table, "<f4", offset=_HEADER_BYTES).reshape(count, _ROWS).astype(np.float64)
        return np.hstack([motives[:, [_TOMOGRAM]], motives[:, _PLACE] - 1, motives[:, [_SCORE]], motives[:, _ANGLES]])
