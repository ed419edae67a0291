"""Picks for copick: a file per tomogram, in the folders of a project, and the configuration that opens it."""

import json
from typing import Any

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram, picks_at
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.names import dashed
from livetomo.formats.orientations import euler_of, turns_of

COPICK_CONFIG = "copick_config.json"
_COLOURS = (
    (230, 97, 1, 255), (94, 60, 153, 255), (27, 158, 119, 255), (231, 41, 138, 255), (102, 166, 30, 255),
    (230, 171, 2, 255), (31, 120, 180, 255), (166, 118, 29, 255),
)  # fmt: skip


class CopickExporter(PerTomogram[str]):
    """A copick picks file: Å from the centre of the first voxel; session "0" says that a program made it.

    A session's files lie as in a copick project; `copick_config.json` (`config_text`) makes one of their folder.
    """

    name = "copick"
    ending = "json"

    def content(self, placed: Placed, feature: str) -> str:
        body = {
            "pickable_object_name": dashed(feature),
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
        return f"ExperimentRuns/{called}/Picks/livetomo_0_{dashed(feature)}.json"

    def read(self, content: str, frame: Frame) -> Picks:
        body = json.loads(content)
        points = body["points"]
        corner = np.array([[point["location"][axis] for axis in "xyz"] for point in points], np.float64)
        turns = np.array([point["transformation_"] for point in points]).reshape(-1, 4, 4)[:, :3, :3]
        euler = euler_of(turns) if body["trust_orientation"] else None
        scores = [point["score"] for point in points]
        return picks_at(frame.geometry.of_corner(corner.reshape(-1, 3)), scores, euler)

    @staticmethod
    def _points(placed: Placed) -> list[dict[str, Any]]:
        transforms = np.tile(np.eye(4), (len(placed.picks), 1, 1))
        if (turns := turns_of(placed)) is not None:
            transforms[:, :3, :3] = turns
        scores = placed.picks.score.astype(float).round(6).tolist()
        rows = zip(placed.corner_xyz_angstrom().round(4).tolist(), transforms.tolist(), scores, strict=True)
        return [
            {"location": dict(zip("xyz", where, strict=True)), "transformation_": how, "instance_id": 0, "score": score}
            for where, how, score in rows
        ]


def config_text(folder: str, feature: str, radius_angstrom: float, old: str | None) -> str:
    """The configuration of the project in `folder` (absolute), with an object for the feature.

    old: the configuration that lies there. What it says stays, objects and labels too: the object is added where it is
        missing, and only the project's place is written anew.

    Raises:
        LookupError, TypeError, ValueError: `old` is no configuration of a project.
    """
    body = {"config_type": "filesystem", "name": "livetomo", "description": "Picks by livetomo", "version": "1.0.0"}
    known = json.loads(old) if old is not None else {"pickable_objects": []}
    if not isinstance(known, dict) or not isinstance(objects := known.get("pickable_objects"), list):
        raise ValueError('it has no list "pickable_objects"')
    if dashed(feature) not in [one["name"] for one in objects]:
        label = 1 + max((one.get("label") or 0 for one in objects), default=0)
        colour = _COLOURS[(label - 1) % len(_COLOURS)]
        radius = round(radius_angstrom, 1)
        one = {"name": dashed(feature), "is_particle": True, "label": label, "color": colour, "radius": radius}
        objects = [*objects, one]
    place = {"overlay_root": f"local://{folder}", "overlay_fs_args": {"auto_mkdir": True}}
    return json.dumps({**body, **known, "pickable_objects": objects, **place}, indent=1) + "\n"
