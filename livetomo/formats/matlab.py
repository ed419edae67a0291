"""Picks for Dynamo and STOPGAP: voxels of the tomogram, ZXZ angles, numbered tomograms with a list of them.

Coordinates are voxel indices from 0, as cryoCAT and copick read and write both formats.
"""

from collections.abc import Sequence

import numpy as np

from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.names import plain_path
from livetomo.formats.numbered import Numbered
from livetomo.formats.particles_star import numbers
from livetomo.formats.star import Row, loop_text, parse_loops

_MOTIVELIST = (
    "motl_idx", "tomo_num", "object", "subtomo_num", "halfset", "orig_x", "orig_y", "orig_z", "score", "x_shift",
    "y_shift", "z_shift", "phi", "psi", "the", "class",
)  # fmt: skip


class DynamoExporter(Numbered[str]):
    """A table of 35 columns; for a session also the `.doc` file that says which number is which tomogram's file.

    A tomogram whose path is not known, or would not be one word, stands there as `<tomogram>.mrc`.
    """

    name = "dynamo"
    ending = "tbl"
    table_file, list_file = ".tbl", ".doc"

    def listed(self, frame: Frame) -> str:
        return plain_path(frame.path) or f"{self.called(frame)}.mrc"

    def table(self, sets: Sequence[Placed]) -> str:
        """35 columns, and behind them the voxel size."""
        lines, tag = [], 0
        for number, placed in enumerate(sets, start=1):
            scores = placed.picks.score.tolist()
            for where, angles, score in zip(placed.voxels_xyz().tolist(), placed.zxz().tolist(), scores, strict=True):
                tag += 1
                phi, psi, theta = angles
                row = [0.0] * 35
                row[0], row[1], row[2] = tag, 1, 1
                row[6:9] = [-psi, -theta, -phi]
                row[9], row[19], row[21], row[23:26], row[30], row[31] = score, number, 1, where, tag, 1
                lines.append(" ".join(f"{value:.10g}" for value in (*row, placed.frame.geometry.voxel_size_angstrom)))
        return "".join(line + "\n" for line in lines)

    def rows(self, table: str) -> Points:
        cells = np.array([line.split() for line in table.splitlines()], np.float64).reshape(-1, 36)
        return np.hstack([cells[:, [19, 23, 24, 25, 9]], -cells[:, [8, 6, 7]]])


class StopgapExporter(Numbered[str]):
    """A motive list star; for a session also a list of which number is which tomogram."""

    name = "stopgap"
    ending = "star"
    table_file, list_file = "_motl.star", "_tomograms.txt"

    def table(self, sets: Sequence[Placed]) -> str:
        """The motive list."""
        rows: list[Row] = []
        for number, placed in enumerate(sets, start=1):
            scores = placed.picks.score.astype(float).tolist()
            for where, angles, score in zip(placed.voxels_xyz().tolist(), placed.zxz().tolist(), scores, strict=True):
                index = len(rows) + 1
                half = "A" if index % 2 else "B"
                rows.append((index, number, 1, index, half, *where, score, 0.0, 0.0, 0.0, *angles, 1))
        return loop_text("stopgap_motivelist", _MOTIVELIST, rows, numbered=False)

    def rows(self, table: str) -> Points:
        wanted = ("tomo_num", "orig_x", "orig_y", "orig_z", "score", "phi", "psi", "the")
        return numbers(parse_loops(table)["stopgap_motivelist"], wanted)
