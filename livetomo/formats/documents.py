"""Picks for EMAN2 and copick (JSON), IMOD (points) and anything else (CSV): a file per tomogram."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from livetomo.formats.frame import Placed


class Eman2:
    """`info/<tomogram>_info.json`: unbinned pixels from the voxel n // 2; z runs as in the tomogram.

    EMAN2 turns z round for tomograms that another program made when it goes back to the tilt series; look at one in its
    boxer first.
    """

    name = "eman2"
    ending = "json"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        centre = np.array([extent // 2 for extent in placed.frame.shape_zyx[::-1]])
        position = ((placed.voxels_xyz() - centre) * placed.frame.binning).round(4).tolist()
        scores = placed.picks.score.astype(float).round(6).tolist()
        boxes = [[*where, "tomobox", score, 0] for where, score in zip(position, scores, strict=True)]
        body = {
            "apix_unbin": placed.frame.pixel_angstrom,
            "boxes_3d": boxes,
            "class_list": {"0": {"boxsize": 32, "name": feature}},
        }
        return json.dumps(body, indent=1) + "\n"

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        return {f"info/{placed.frame.name}_info.json": self.text(placed, feature) for placed in sets}


class Copick:
    """A copick picks file: Å from the centre of the first voxel; session "0" says that a program made it."""

    name = "copick"
    ending = "json"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        body = {
            "pickable_object_name": self._plain(feature),
            "user_id": "livetomo",
            "session_id": "0",
            "run_name": self._plain(placed.frame.name),
            "voxel_spacing": placed.frame.voxel_size_angstrom,
            "unit": "angstrom",
            "points": self._points(placed),
            "trust_orientation": placed.picks.euler is not None,
        }
        return json.dumps(body, indent=1) + "\n"

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        name = f"livetomo_0_{self._plain(feature)}.json"
        return {f"ExperimentRuns/{self._plain(p.frame.name)}/Picks/{name}": self.text(p, feature) for p in sets}

    @staticmethod
    def _plain(name: str) -> str:
        """Copick builds paths of names: it has no `_` and no `/` in them."""
        return name.replace("_", "-").replace("/", "-")

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


class Imod:
    """Points for `point2model`: x, y, z in IMOD's model coordinates, where the first voxel's centre is 0.5, 0.5, 0."""

    name = "imod"
    ending = "txt"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        points = placed.voxels_xyz() + np.array([0.5, 0.5, 0.0])
        return "".join(f"{x:.3f} {y:.3f} {z:.3f}\n" for x, y, z in points.tolist())

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        return {f"{placed.frame.name}_{feature}.txt": self.text(placed, feature) for placed in sets}


class Csv:
    """One row per pick: tomogram, voxel index from 0, Å from the centre of the first voxel, score, volume, angles."""

    name = "csv"
    ending = "csv"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        return self._table([placed])

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        return {f"{feature}.csv": self._table(sets)}

    @staticmethod
    def _table(sets: Sequence[Placed]) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        head = "tomogram x_voxel y_voxel z_voxel x_angstrom y_angstrom z_angstrom score volume_angstrom3 rot tilt psi"
        writer.writerow(head.split())
        for placed in sets:
            angles = placed.angles()
            for number, (voxel, angstrom) in enumerate(
                zip(placed.voxels_xyz().round(3).tolist(), placed.corner_xyz_angstrom().round(2).tolist(), strict=True)
            ):
                volume = float(placed.picks.volume[number])
                known = "" if np.isnan(volume) else f"{volume:.1f}"
                how = ["", "", ""] if angles is None else angles[number].round(3).tolist()
                score = round(float(placed.picks.score[number]), 6)
                writer.writerow([placed.frame.name, *voxel, *angstrom, score, known, *how])
        return out.getvalue()
