"""Leave out particles by what is known of their surroundings, of their neighbours, or by their scores."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from torch import Tensor

from livetomo.core.picks import Picks
from livetomo.processing.interact import near
from livetomo.processing.pick.maxima import spaced


def by_partner(picks: Picks, partner: Tensor, *, threshold: float, distance_voxels: float, keep_near: bool) -> Picks:
    """Those that are near the partner's region, or those that are not: a distance of 0 asks for its very voxel."""
    region = near(partner > threshold, radius_voxels=distance_voxels).cpu().numpy()
    voxel = np.rint(picks.position).astype(np.intp).clip(0, np.array(region.shape) - 1)
    return picks.where(region[tuple(voxel.T)] == keep_near)


def duplicates(picks: Picks, *, distance_voxels: float) -> Picks:
    """Of those closer than the distance the strongest."""
    return picks.where(spaced(picks.position.astype(np.float64), picks.score, distance_voxels))


def consensus(picks: Picks, partners: Sequence[Picks], *, at_least: int, distance_voxels: float) -> Picks:
    """Those that `at_least` of the partners have a pick near."""
    agreeing: npt.NDArray[np.intp] = np.zeros(len(picks), np.intp)
    for partner in partners:
        if len(partner) and len(picks):
            distance, _ = cKDTree(partner.position).query(picks.position, distance_upper_bound=distance_voxels)
            agreeing += np.isfinite(distance)
    return picks.where(agreeing >= at_least)


def quantile(picks: Picks, *, published: Picks, lowest: float) -> Picks:
    """Those that score at least as the `lowest` share of the published ones does not."""
    if not len(published):
        return picks
    return picks.above(float(np.quantile(published.score, lowest)))
