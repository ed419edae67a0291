"""Picks as CSV, for anything else: names as they are, quoted as RFC 4180 has it; a row is a line."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.names import plain

_HEAD = (
    "tomogram,x_voxel,y_voxel,z_voxel,x_angstrom,y_angstrom,z_angstrom,score,volume_angstrom3,rot,tilt,psi,false_share,"
    "match_score"
)


class CsvExporter:
    """One row per pick: tomogram, voxel index from 0, Å from the centre of the first voxel, score, volume, angles.

    At its end stand the expected share of false picks among all of the tomogram that are at least as strong, and how
    well a density map fits. What is not known is empty.
    """

    name = "csv"
    ending = "csv"
    counts_in_file = False

    def content(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        return self._table([placed])

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        return {f"{feature}.csv": self._table(sets)}

    def called(self, frame: Frame) -> str:
        """The tomogram's name; a substitute where it would break the line, for some reader of lines at least."""
        return frame.name if frame.name.splitlines() == [frame.name] else plain(frame.name)

    def read(self, content: str, frame: Frame) -> Picks:
        """The inverse of `content`."""
        return self._picks(list(self._rows(content)))

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by the tomograms' names."""
        groups: dict[str, list[dict[str, str]]] = {}
        for row in self._rows(files[f"{feature}.csv"]):
            groups.setdefault(row["tomogram"], []).append(row)
        return {name: self._picks(rows) for name, rows in groups.items()}

    def _table(self, sets: Sequence[Placed]) -> str:
        lines = [_HEAD]
        for placed in sets:
            name, angles = _cell(self.called(placed.frame)), placed.angles()
            shares, matches = placed.picks.false_share, placed.picks.match_score
            for number, (voxel, angstrom) in enumerate(
                zip(placed.voxels_xyz().round(3).tolist(), placed.corner_xyz_angstrom().round(2).tolist(), strict=True)
            ):
                volume = float(placed.picks.volume[number])
                known = "" if np.isnan(volume) else f"{volume:.1f}"
                how = ["", "", ""] if angles is None else angles[number].round(3).tolist()
                score = round(float(placed.picks.score[number]), 6)
                share = "" if shares is None else round(float(shares[number]), 6)
                match = "" if matches is None else round(float(matches[number]), 6)
                lines.append(",".join(map(str, (name, *voxel, *angstrom, score, known, *how, share, match))))
        return "\n".join(lines) + "\n"

    @staticmethod
    def _rows(text: str) -> Iterator[dict[str, str]]:
        return csv.DictReader(io.StringIO(text, newline=""), strict=True)

    @staticmethod
    def _picks(rows: Sequence[Mapping[str, str]]) -> Picks:
        def column(*names: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
            cells = [[row[name] or "nan" for name in names] for row in rows]
            return np.array(cells, np.float32).reshape(len(rows), len(names))

        euler = column("rot", "tilt", "psi") if rows and rows[0]["rot"] else None
        shares = column("false_share")[:, 0] if rows and rows[0]["false_share"] else None
        # older files have no such column
        matches = column("match_score")[:, 0] if rows and rows[0].get("match_score") else None
        voxels = column("z_voxel", "y_voxel", "x_voxel")
        return Picks(voxels, column("score")[:, 0], column("volume_angstrom3")[:, 0], euler, shares, matches)


def _cell(name: str) -> str:
    """A name as a cell, quoted where it must be."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([name, ""])
    return out.getvalue().removesuffix(",")
