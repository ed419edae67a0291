"""Picks for EMAN2 and copick (JSON) and for IMOD (points): a file per tomogram."""

import json
import warnings
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram
from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.names import dashed

_IMOD_CORNER_XYZ = np.array([0.5, 0.5, 0.0])


class Eman2Exporter(PerTomogram):
    """`info/<tomogram>_info.json`: unbinned pixels from the voxel n // 2; z runs as in the tomogram.

    EMAN2 turns z round for tomograms that another program made when it goes back to the tilt series; look at one in its
    boxer first.
    """

    name = "eman2"
    ending = "json"

    def text(self, placed: Placed, feature: str) -> str:
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

    def read(self, text: str, frame: Frame) -> Picks:
        boxes = json.loads(text)["boxes_3d"]
        position = np.array([box[:3] for box in boxes], np.float64).reshape(-1, 3) / frame.binning
        return _picks(position + self._centre(frame), [box[4] for box in boxes])

    @staticmethod
    def _centre(frame: Frame) -> Points:
        return np.array([extent // 2 for extent in frame.geometry.shape_zyx[::-1]], np.float64)


class CopickExporter(PerTomogram):
    """A copick picks file: Å from the centre of the first voxel; session "0" says that a program made it."""

    name = "copick"
    ending = "json"

    def text(self, placed: Placed, feature: str) -> str:
        body = {
            "pickable_object_name": self._object(feature),
            "user_id": "livetomo",
            "session_id": "0",
            "run_name": self.called(placed.frame),
            "voxel_spacing": placed.frame.geometry.voxel_size_angstrom,
            "unit": "angstrom",
            "points": self._points(placed),
            "trust_orientation": placed.picks.euler is not None,
        }
        return json.dumps(body, indent=1) + "\n"

    def path(self, called: str, feature: str) -> str:
        return f"ExperimentRuns/{called}/Picks/livetomo_0_{self._object(feature)}.json"

    def called(self, frame: Frame) -> str:
        """The run's name."""
        return dashed(frame.name)

    def read(self, text: str, frame: Frame) -> Picks:
        body = json.loads(text)
        points = body["points"]
        corner = np.array([[point["location"][axis] for axis in "xyz"] for point in points], np.float64)
        euler = None
        if body["trust_orientation"]:
            turns = np.array([point["transformation_"] for point in points]).reshape(-1, 4, 4)[:, :3, :3]
            euler = _zyz(turns) if len(points) else np.zeros((0, 3))
        scores = [point["score"] for point in points]
        return _picks(frame.geometry.of_corner(corner.reshape(-1, 3)), scores, euler)

    @staticmethod
    def _object(feature: str) -> str:
        """Copick builds paths of names: it has no `_` in them."""
        return feature.replace("_", "-")

    @staticmethod
    def _points(placed: Placed) -> list[dict[str, Any]]:
        transforms = np.tile(np.eye(4), (len(placed.picks), 1, 1))
        if (angles := placed.angles()) is not None and len(angles):
            transforms[:, :3, :3] = Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()
        scores = placed.picks.score.astype(float).round(6).tolist()
        rows = zip(placed.corner_xyz_angstrom().round(4).tolist(), transforms.tolist(), scores, strict=True)
        return [
            {"location": dict(zip("xyz", where, strict=True)), "transformation_": how, "instance_id": 0, "score": score}
            for where, how, score in rows
        ]


class ImodExporter(PerTomogram):
    """Points for `point2model`: x, y, z in IMOD's model coordinates, where the first voxel's centre is 0.5, 0.5, 0."""

    name = "imod"
    ending = "txt"

    def text(self, placed: Placed, feature: str) -> str:
        points = placed.voxels_xyz() + _IMOD_CORNER_XYZ
        return "".join(f"{x:.3f} {y:.3f} {z:.3f}\n" for x, y, z in points.tolist())

    def path(self, called: str, feature: str) -> str:
        return f"{called}_{feature}.txt"

    def read(self, text: str, frame: Frame) -> Picks:
        """The inverse of `text`; the scores are not in it."""
        points = np.array([line.split() for line in text.splitlines()], np.float64).reshape(-1, 3)
        return _picks(points - _IMOD_CORNER_XYZ, [np.nan] * len(points))


def _zyz(turns: Points) -> Points:
    """RELION's angles of the matrices that `Copick` writes; where tilt is 0, rot and psi are one, and all of it rot."""
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # scipy says so each time
        angles: Points = Rotation.from_matrix(turns).inv().as_euler("ZYZ", degrees=True)
    return angles


def _picks(xyz: Points, scores: list[float], euler: Points | None = None) -> Picks:
    unknown = np.full(len(scores), np.nan, np.float32)
    turned = None if euler is None else euler.astype(np.float32)
    return Picks(xyz[:, ::-1].astype(np.float32), np.array(scores, np.float32), unknown, turned)
