"""Picks for Dynamo and STOPGAP: voxels of the tomogram, ZXZ angles, numbered tomograms with a list of their names.

Coordinates are voxel indices from 0, as cryoCAT and copick read and write both formats.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import Exporter
from livetomo.formats.frame import Frame, Placed, Points, zyz
from livetomo.formats.names import plain
from livetomo.formats.particles_star import numbers
from livetomo.formats.star import Row, loop_text, parse_loops

_MOTIVELIST = (
    "motl_idx", "tomo_num", "object", "subtomo_num", "halfset", "orig_x", "orig_y", "orig_z", "score", "x_shift",
    "y_shift", "z_shift", "phi", "psi", "the", "class",
)  # fmt: skip


class _Numbered(Exporter, Protocol):
    """One table, in which tomograms are numbers; for a session also the list of which number is which tomogram.

    table_file, list_file: what follows the feature in their names. listed: what follows a tomogram's name in the list.
    """

    table_file: str
    list_file: str
    listed: str = ""

    def text(self, placed: Placed, feature: str) -> str:
        return self.table([placed])

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        names = "".join(
            f"{number} {self.called(placed.frame)}{self.listed}\n" for number, placed in enumerate(sets, start=1)
        )
        return {feature + self.table_file: self.table(sets), feature + self.list_file: names}

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in the list."""
        return plain(frame.name)

    def read(self, text: str, frame: Frame) -> Picks:
        return _picks(self.rows(text))

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        rows = self.rows(files[feature + self.table_file])
        listed = dict(line.split() for line in files[feature + self.list_file].splitlines())
        return {
            name.removesuffix(self.listed): _picks(rows[rows[:, 0] == int(number)]) for number, name in listed.items()
        }

    @abstractmethod
    def table(self, sets: Sequence[Placed]) -> str:
        """The particles of many tomograms, which are numbered from 1."""

    @abstractmethod
    def rows(self, text: str) -> Points:
        """Of a table, the tomogram's number, x, y, z, score, phi, psi and theta of each particle."""


class DynamoExporter(_Numbered):
    """A table of 35 columns; for a session also the `.doc` file that says which number is which tomogram."""

    name = "dynamo"
    ending = "tbl"
    table_file, list_file, listed = ".tbl", ".doc", ".mrc"

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

    def rows(self, text: str) -> Points:
        table = np.array([line.split() for line in text.splitlines()], np.float64).reshape(-1, 36)
        return np.hstack([table[:, [19, 23, 24, 25, 9]], -table[:, [8, 6, 7]]])


class StopgapExporter(_Numbered):
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

    def rows(self, text: str) -> Points:
        wanted = ("tomo_num", "orig_x", "orig_y", "orig_z", "score", "phi", "psi", "the")
        return numbers(parse_loops(text)["stopgap_motivelist"], wanted)


def _picks(rows: Points) -> Picks:
    unknown = np.full(len(rows), np.nan, np.float32)
    return Picks(rows[:, 3:0:-1].astype(np.float32), rows[:, 4].astype(np.float32), unknown, zyz(rows[:, 5:]))
