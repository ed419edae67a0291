"""Read particles' positions, found or true, from whatever says where they are."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from livetomo.core.errors import BadStar, ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import ResultManifest
from livetomo.formats.particle_columns import CENTRED, CORNER, SCORE
from livetomo.formats.particles_star import numbers
from livetomo.formats.star import read_loops
from livetomo.results.folder import read_result
from livetomo.results.manifest import MANIFEST

_SCORES = (SCORE, "rlnLCCmax")


@dataclass(frozen=True, slots=True)
class Positions:
    """xyz_angstrom: (n, 3), from the first voxel's centre. score: (n,); 1 where there is none. Strongest first."""

    xyz_angstrom: npt.NDArray[np.float64]
    score: npt.NDArray[np.float64]

    @staticmethod
    def ranked(xyz: npt.NDArray[np.float64], score: npt.NDArray[np.float64]) -> "Positions":
        """In the order of their scores."""
        order = np.argsort(-score, kind="stable")
        return Positions(xyz[order].reshape(-1, 3), score[order])

    def apart(self, least_angstrom: float) -> "Positions":
        """Without those that lie closer than this to a stronger one: lists made by hand hold some twice."""
        kept: list[int] = []
        for i, place in enumerate(self.xyz_angstrom):
            if not kept or np.linalg.norm(self.xyz_angstrom[kept] - place, axis=1).min() >= least_angstrom:
                kept.append(i)
        return Positions(self.xyz_angstrom[kept].reshape(-1, 3), self.score[kept])


def read_positions(path: Path, feature: str, geometry: TomogramGeometry | None) -> Positions:
    """From a RELION star (5: centred Å; others: voxels), a copick JSON, or a result folder's candidates.

    geometry: of the tomogram; a result folder knows its own, and copick needs none.

    Raises:
        ConfigurationError: it is none of these, or needs a tomogram.
    """
    if not path.exists():
        raise ConfigurationError(f"{path}: there is no such file")
    if path.is_dir():
        return _result(path, feature)
    if path.suffix == ".json":
        body = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(body, dict) or "points" not in body:
            raise ConfigurationError(f'{path}: is not copick\'s: it has no "points"')
        return _copick(body)
    if path.suffix == ".star":
        return _star(path, geometry)
    raise ConfigurationError(f"{path}: give a .star, a copick .json, or a result folder")


def published_threshold(path: Path, feature: str) -> float | None:
    """The score from which on a result folder's picks were published; None of a list, which holds what it holds.

    Raises:
        ConfigurationError: the result has no picks of the feature.
    """
    if not path.is_dir():
        return None
    picks = _manifest(path).picks
    if feature not in picks:
        raise ConfigurationError(f"{path}: has no picks of {feature}; it has {', '.join(picks) or 'none'}")
    return picks[feature].threshold


def _result(folder: Path, feature: str) -> Positions:
    volume = _manifest(folder).volume
    star = folder / "candidates" / f"{feature}.relion5.star"
    if not star.exists():
        raise ConfigurationError(f"{folder}: has no candidates of {feature}")
    return _star(star, volume.geometry)


def _manifest(folder: Path) -> ResultManifest:
    if not (folder / MANIFEST).is_file():
        raise ConfigurationError(f"{folder}: is no result folder: there is no {MANIFEST} in it")
    return read_result(folder).manifest


def _copick(body: dict[str, Any]) -> Positions:
    places = [[point["location"][axis] for axis in "xyz"] for point in body["points"]]
    scores = [point.get("score", 1.0) for point in body["points"]]
    return Positions.ranked(np.array(places, np.float64).reshape(-1, 3), np.array(scores, np.float64))


def _star(path: Path, geometry: TomogramGeometry | None) -> Positions:
    if geometry is None:
        raise ConfigurationError(f"{path}: give the tomogram that its coordinates refer to, with --tomogram")
    try:
        tables = read_loops(path).values()
        if table := next((table for table in tables if CENTRED[0] in table), None):
            xyz = numbers(table, CENTRED) + geometry.middle_angstrom
        elif table := next((table for table in tables if CORNER[0] in table), None):
            xyz = geometry.corner(numbers(table, CORNER))
        else:
            raise ConfigurationError(f"{path}: has neither {CENTRED[0]} nor {CORNER[0]}")
        named = next((column for column in _SCORES if column in table), None)
        score = numbers(table, (named,))[:, 0] if named else np.ones(len(xyz))
    except (BadStar, KeyError, ValueError) as fault:
        raise ConfigurationError(f"{path}: cannot be read as a star of particles: {fault}") from None
    return Positions.ranked(xyz, score)
