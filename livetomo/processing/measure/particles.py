"""How many particles there are, for how much room, how they score, and how close together they lie."""

import numpy as np
from scipy.spatial import cKDTree

from livetomo.core.picks import Picks
from livetomo.core.quality.metric import Quality
from livetomo.processing.pick.false_share import FEWEST_CANDIDATES, FalseShares, NotEstimated

_SCORES = {"low": 0.1, "median": 0.5, "high": 0.9}


def particle_figures(
    feature: str, published: Picks, *, voxel_size_angstrom: float, volume_um3: float, slab_um3: float | None
) -> list[Quality]:
    """Of a feature's published picks, in a volume and in a slab of these sizes; None: no slab is seen.

    None is good or bad by itself: no particle is a result. There are scores if there is a
    particle, and distances if there are two.
    """
    count = len(published)
    figures = [Quality(f"{feature}_count", count, ""), Quality(f"{feature}_density", count / volume_um3, "1/µm³")]
    if slab_um3:
        figures.append(Quality(f"{feature}_slab_density", count / slab_um3, "1/µm³"))
    else:
        reason = "no slab is seen, so its volume is not known"
        figures.append(Quality(f"{feature}_slab_density", None, "1/µm³", "missing", reason))
    if count:
        scores = np.quantile(published.score.astype(np.float64), list(_SCORES.values()))
        ends = zip(_SCORES, scores.tolist(), strict=True)
        figures += [Quality(f"{feature}_score_{end}", score, "") for end, score in ends]
    if count > 1:
        distance, _ = cKDTree(published.position).query(published.position, k=2)
        nearest = float(np.median(distance[:, 1])) * voxel_size_angstrom
        figures.append(Quality(f"{feature}_neighbour_distance", nearest, "Å"))
    return figures


def false_at_threshold(feature: str, threshold: float, shares: FalseShares | NotEstimated) -> Quality:
    """How much of a feature's candidates that reach the recipe's threshold is expected to be false."""
    name = f"{feature}_false_at_threshold"
    if isinstance(shares, NotEstimated):
        return Quality(name, None, "", "missing", shares.reason)
    if (count := int((shares.score >= threshold).sum())) < FEWEST_CANDIDATES:
        reason = f"only {count} candidates reach the threshold of {threshold:g}, too few to be compared with decoys"
        return Quality(name, None, "", "missing", reason)
    found = shares.of_those_above(threshold)
    assert found is not None
    return Quality(name, found.value, "")
