"""Picks for Dynamo and STOPGAP: voxels of the tomogram, ZXZ angles, numbered tomograms with a list of their names.

Coordinates are voxel indices from 0, as cryoCAT and copick read and write both formats.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed, Points, zyz
from livetomo.formats.names import plain
from livetomo.formats.star import Row, loop_text, parse_loops

_MOTIVELIST = (
    "motl_idx", "tomo_num", "object", "subtomo_num", "halfset", "orig_x", "orig_y", "orig_z", "score", "x_shift",
    "y_shift", "z_shift", "phi", "psi", "the", "class",
)  # fmt: skip


class DynamoExporter:
    """A table of 35 columns; for a session also the `.doc` file that says which number is which tomogram."""

    name = "dynamo"
    ending = "tbl"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        return self._table([placed])

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        names = "".join(f"{number} {plain(placed.frame.name)}.mrc\n" for number, placed in enumerate(sets, start=1))
        return {f"{feature}.tbl": self._table(sets), f"{feature}.doc": names}

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in the list."""
        return plain(frame.name)

    def read(self, text: str, frame: Frame) -> Picks:
        """The inverse of `text`."""
        return self._picks(self._rows(text))

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called."""
        rows = self._rows(files[f"{feature}.tbl"])
        names = _listed(files[f"{feature}.doc"])
        return {name.removesuffix(".mrc"): self._picks(rows[rows[:, 19] == number]) for number, name in names.items()}

    @staticmethod
    def _rows(text: str) -> Points:
        return np.array([line.split() for line in text.splitlines()], np.float64).reshape(-1, 36)

    @staticmethod
    def _picks(rows: Points) -> Picks:
        return _picks(rows[:, 23:26], rows[:, 9], -rows[:, [8, 6, 7]])

    def _table(self, sets: Sequence[Placed]) -> str:
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


class StopgapExporter:
    """A motive list star; for a session also a list of which number is which tomogram."""

    name = "stopgap"
    ending = "star"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        return self._list([placed])

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        names = "".join(f"{number} {plain(placed.frame.name)}\n" for number, placed in enumerate(sets, start=1))
        return {f"{feature}_motl.star": self._list(sets), f"{feature}_tomograms.txt": names}

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in the list."""
        return plain(frame.name)

    def read(self, text: str, frame: Frame) -> Picks:
        """The inverse of `text`."""
        return self._picks(self._rows(text))

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called."""
        rows = self._rows(files[f"{feature}_motl.star"])
        names = _listed(files[f"{feature}_tomograms.txt"])
        return {name: self._picks(rows[rows[:, 0] == number]) for number, name in names.items()}

    @staticmethod
    def _rows(text: str) -> Points:
        """Tomogram, x, y, z, score, phi, psi and theta of each particle."""
        columns = parse_loops(text)["stopgap_motivelist"]
        wanted = ("tomo_num", "orig_x", "orig_y", "orig_z", "score", "phi", "psi", "the")
        return np.array([columns[name] for name in wanted], np.float64).T

    @staticmethod
    def _picks(rows: Points) -> Picks:
        return _picks(rows[:, 1:4], rows[:, 4], rows[:, 5:8])

    def _list(self, sets: Sequence[Placed]) -> str:
        rows: list[Row] = []
        for number, placed in enumerate(sets, start=1):
            scores = placed.picks.score.astype(float).tolist()
            for where, angles, score in zip(placed.voxels_xyz().tolist(), placed.zxz().tolist(), scores, strict=True):
                index = len(rows) + 1
                half = "A" if index % 2 else "B"
                rows.append((index, number, 1, index, half, *where, score, 0.0, 0.0, 0.0, *angles, 1))
        return loop_text("stopgap_motivelist", _MOTIVELIST, rows, numbered=False)


def _listed(text: str) -> dict[int, str]:
    """Which number is which tomogram."""
    return {int(number): name for number, name in (line.split() for line in text.splitlines())}


def _picks(xyz: Points, score: Points, zxz: Points) -> Picks:
    unknown = np.full(len(score), np.nan, np.float32)
    return Picks(xyz[:, ::-1].astype(np.float32), score.astype(np.float32), unknown, zyz(zxz))
