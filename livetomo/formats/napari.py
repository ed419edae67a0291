"""Picks as napari's points layer reads them."""

import csv
import io

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram
from livetomo.formats.frame import Frame, Placed, Points

_AXES = ("axis-0", "axis-1", "axis-2")
_ANGLES = ("rot", "tilt", "psi")


class NapariExporter(PerTomogram[str]):
    """A CSV per tomogram: number, voxel index z, y, x, and as features of the points scores, angles and false share.

    Angles, the expected share of false picks and the match score have columns where they are known. It lies on the
    tomogram as long as that is shown in voxels: a layer with a `scale` needs the same scale here.
    """

    name = "napari"
    ending = "csv"

    def content(self, placed: Placed, feature: str) -> str:
        picks, angles = placed.picks, placed.angles()
        columns: dict[str, list[float]] = dict(zip(_AXES, _columns(picks.position.astype(float).round(4)), strict=True))
        columns["score"] = picks.score.astype(float).round(6).tolist()
        if angles is not None:
            columns |= zip(_ANGLES, _columns(angles.round(3)), strict=True)
        if picks.false_share is not None:
            columns["false_share"] = picks.false_share.astype(float).round(6).tolist()
        if picks.match_score is not None:
            columns["match_score"] = picks.match_score.astype(float).round(6).tolist()
        rows = zip(range(len(picks)), *columns.values(), strict=True)
        return "".join(",".join(map(str, row)) + "\n" for row in (("index", *columns), *rows))

    def path(self, called: str, feature: str) -> str:
        return f"{called}_{feature}.csv"

    def read(self, content: str, frame: Frame) -> Picks:
        head, *rows = csv.reader(io.StringIO(content), strict=True)
        table = dict(zip(head, np.array(rows, np.float32).reshape(-1, len(head)).T, strict=True))
        euler = np.column_stack([table[name] for name in _ANGLES]) if _ANGLES[0] in table else None
        unknown = np.full(len(rows), np.nan, np.float32)
        position = np.column_stack([table[name] for name in _AXES])
        return Picks(position, table["score"], unknown, euler, table.get("false_share"), table.get("match_score"))


def _columns(table: Points) -> list[list[float]]:
    columns: list[list[float]] = table.T.tolist()
    return columns
