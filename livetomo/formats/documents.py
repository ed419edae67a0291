"""Picks for EMAN2 (JSON) and for IMOD (points): a file per tomogram."""

import json

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram, picks_at
from livetomo.formats.frame import Frame, Placed, Points

_IMOD_CORNER_XYZ = np.array([0.5, 0.5, 0.0])


class Eman2Exporter(PerTomogram[str]):
    """`info/<tomogram>_info.json`: unbinned pixels from the voxel n // 2; z runs as in the tomogram.

    EMAN2 turns z round for tomograms that another program made when it goes back to the tilt series; look at one in its
    boxer first.
    """

    name = "eman2"
    ending = "json"

    def content(self, placed: Placed, feature: str) -> str:
        position = (placed.voxels_xyz() - self._centre(placed.frame)) * placed.frame.binning
        scores = placed.picks.score.astype(float).round(6).tolist()
        boxes = [[*where, "tomobox", score, 0] for where, score in zip(position.round(4).tolist(), scores, strict=True)]
        body = {
            "apix_unbin": placed.frame.pixel_angstrom,
            "boxes_3d": boxes,
            "class_list": {"0": {"boxsize": 32, "name": feature}},
        }
        return json.dumps(body, indent=1) + "\n"

    def path(self, called: str, feature: str) -> str:
        return f"info/{called}_info.json"

    def read(self, content: str, frame: Frame) -> Picks:
        boxes = json.loads(content)["boxes_3d"]
        position = np.array([box[:3] for box in boxes], np.float64).reshape(-1, 3) / frame.binning
        return picks_at(position + self._centre(frame), [box[4] for box in boxes])

    @staticmethod
    def _centre(frame: Frame) -> Points:
        return np.array([extent // 2 for extent in frame.geometry.shape_zyx[::-1]], np.float64)


class ImodExporter(PerTomogram[str]):
    """Points for `point2model`: x, y, z in IMOD's model coordinates, where the first voxel's centre is 0.5, 0.5, 0."""

    name = "imod"
    ending = "txt"

    def content(self, placed: Placed, feature: str) -> str:
        points = placed.voxels_xyz() + _IMOD_CORNER_XYZ
        return "".join(f"{x:.3f} {y:.3f} {z:.3f}\n" for x, y, z in points.tolist())

    def path(self, called: str, feature: str) -> str:
        return f"{called}_{feature}.txt"

    def read(self, content: str, frame: Frame) -> Picks:
        """The inverse of `content`; the scores are not in it."""
        points = np.array([line.split() for line in content.splitlines()], np.float64).reshape(-1, 3)
        return picks_at(points - _IMOD_CORNER_XYZ, [np.nan] * len(points))
