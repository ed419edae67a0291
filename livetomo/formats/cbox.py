"""Picks as crYOLO and the box manager of napari have those of a tomogram."""

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram, picks_at
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.particles_star import numbers
from livetomo.formats.star import Row, loop_text, pairs_text, parse_loops

_PLACE = ("CoordinateX", "CoordinateY", "CoordinateZ")
_SIZE = ("Width", "Height", "Depth")
_COLUMNS = (*_PLACE, *_SIZE, "EstWidth", "EstHeight", "Confidence", "NumBoxes", "Angle")
_UNKNOWN = "<NA>"


class CboxExporter(PerTomogram[str]):
    """A `.cbox` star per tomogram, in a folder of the feature, called as the tomogram.

    x and y are those of the box's lower corner and z that of its middle slice, in voxels from 0; the box is as wide as
    the particle, in whole voxels. The score is the confidence. The slices that have a particle are listed as picked.
    """

    name = "cbox"
    ending = "cbox"

    def content(self, placed: Placed, feature: str) -> str:
        width = max(1, round(2 * placed.frame.geometry.voxels(placed.radius_angstrom)))
        rows: list[Row] = []
        scores = placed.picks.score.astype(float).tolist()
        for (x, y, z), score in zip(placed.voxels_xyz().tolist(), scores, strict=True):
            box = (width, width, width, float(width), float(width))
            rows.append((x - width / 2, y - width / 2, z, *box, score, _UNKNOWN, _UNKNOWN))
        slices = [(z,) for z in np.unique(placed.picks.position[:, 0].round()).astype(int).tolist()]
        return (
            pairs_text("global", {"cbox_format_version": "1.0"})
            + loop_text("cryolo", _COLUMNS, rows)
            + loop_text("cryolo_include", ("slice_index",), slices)
        )

    def path(self, called: str, feature: str) -> str:
        return f"{feature}/{called}.cbox"

    def read(self, content: str, frame: Frame) -> Picks:
        table = parse_loops(content)["cryolo"]
        places, sizes = numbers(table, _PLACE), numbers(table, _SIZE)
        places[:, :2] += sizes[:, :2] / 2
        return picks_at(places, numbers(table, ["Confidence"])[:, 0])
