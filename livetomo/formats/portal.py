"""Picks as the CryoET Data Portal has point annotations."""

import json
from typing import Any

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram, picks_at
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.orientations import euler_of, turns_of


class PortalExporter(PerTomogram[str]):
    """A line of JSON per particle: voxel index x, y, z, and the matrix that turns the reference, where there is one.

    The portal's own files have no `score`; it is added, and the portal's readers leave it alone.
    """

    name = "cryoet-portal"
    ending = "ndjson"

    def content(self, placed: Placed, feature: str) -> str:
        turns = turns_of(placed)
        places, scores = placed.voxels_xyz().round(4).tolist(), placed.picks.score.astype(float).round(6).tolist()
        lines = []
        for number, (where, score) in enumerate(zip(places, scores, strict=True)):
            point: dict[str, Any] = {"type": "point" if turns is None else "orientedPoint"}
            point["location"] = dict(zip("xyz", where, strict=True))
            if turns is not None:
                point["xyz_rotation_matrix"] = turns[number].tolist()
            lines.append(json.dumps({**point, "score": score}) + "\n")
        return "".join(lines)

    def path(self, called: str, feature: str) -> str:
        return f"{called}_{feature}.ndjson"

    def read(self, content: str, frame: Frame) -> Picks:
        points = [json.loads(line) for line in content.splitlines()]
        places = np.array([[point["location"][axis] for axis in "xyz"] for point in points], np.float64)
        euler = None
        if points and points[0]["type"] == "orientedPoint":
            euler = euler_of(np.array([point["xyz_rotation_matrix"] for point in points]))
        return picks_at(places, [point["score"] for point in points], euler)
