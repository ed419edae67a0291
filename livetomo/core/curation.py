"""Which particles are kept by where they lie and how strong they are: masks of picks, in voxels, without files."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from livetomo.core.exclusion import AXES, Box
from livetomo.core.picks import Picks

Mask = npt.NDArray[np.bool_]
Distances = npt.NDArray[np.float64]


def off_the_faces(picks: Picks, shape_zyx: Sequence[int], distance_voxels: float) -> Mask:
    """(n,) Those at least this far from the outermost voxels' centres."""
    position = picks.position.astype(np.float64)
    limits = np.asarray(shape_zyx) - 1 - distance_voxels
    inside = (position >= distance_voxels) & (position <= limits)
    return np.asarray(inside.all(axis=1), bool)


def in_boxes(picks: Picks, boxes: Sequence[Box]) -> Mask:
    """(n,) Those in one of the boxes, whose faces belong to them."""
    position = picks.position.astype(np.float64)
    inside = np.zeros(len(picks), bool)
    for box in boxes:
        here = np.ones(len(picks), bool)
        for axis, (low, high) in box.items():
            along = position[:, 2 - AXES.index(axis)]
            here &= (low <= along) & (along <= high)
        inside |= here
    return inside


def strongest(picks: Picks, number: int) -> Mask:
    """(n,) As many of the highest scores; of equal ones the first."""
    kept = np.zeros(len(picks), bool)
    kept[np.argsort(-picks.score, kind="stable")[:number]] = True
    return kept


def nearest(points: npt.NDArray[np.floating], position: npt.NDArray[np.floating]) -> Distances:
    """(n,) From each position (n, 3) to the nearest of the points (m, 3), in their unit; infinite if there is none."""
    if not len(points) or not len(position):
        return np.full(len(position), np.inf)
    distance, _ = cKDTree(points.astype(np.float64), balanced_tree=False, compact_nodes=False).query(
        position.astype(np.float64)
    )
    return np.asarray(distance, np.float64)


def without_stronger(picks: Picks, others: Picks, distance_voxels: float, *, wins_ties: bool) -> Mask:
    """(n,) Those within whose distance no other is stronger, nor as strong, unless `wins_ties`."""
    kept = np.ones(len(picks), bool)
    if not len(picks) or not len(others):
        return kept
    around = cKDTree(others.position.astype(np.float64)).query_ball_point(
        picks.position.astype(np.float64), distance_voxels
    )
    for number, those in enumerate(around):
        if those:
            best, own = others.score[those].max(), picks.score[number]
            kept[number] = own > best or (wins_ties and own == best)
    return kept
