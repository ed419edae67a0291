"""How well a probability map agrees with labels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt

Map = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

BINS = 256
SEEN_BELOW = 0.6
"""|n_z| of membranes that a tilt series sees well: what is steeper fades into the missing wedge."""
ORIENTATIONS = ((0.0, 0.3), (0.3, 0.6), (0.6, 0.85), (0.85, 1.01))
"""Ranges of |n_z| of a membrane: from walls, which a tilt series sees, to floors, which the missing wedge hides."""


@dataclass(frozen=True, slots=True)
class ProbabilityHistogram:
    """How many voxels with and without a feature have each probability, in `BINS` steps. Curves of volumes add."""

    inside: npt.NDArray[np.int64]
    outside: npt.NDArray[np.int64]

    def __add__(self, other: "ProbabilityHistogram") -> "ProbabilityHistogram":
        return ProbabilityHistogram(self.inside + other.inside, self.outside + other.outside)

    def dice(self, threshold: float = 0.5) -> float:
        """2 |A and B| / (|A| + |B|) of the voxels above the threshold and the feature's; 1 where there are none."""
        first = int(np.ceil(threshold * BINS))
        hits, claimed = self.inside[first:].sum(), self.inside[first:].sum() + self.outside[first:].sum()
        total = claimed + self.inside.sum()
        return float(2 * hits / total) if total else 1.0

    def recall(self, threshold: float = 0.5) -> float:
        """The share of the feature's voxels above the threshold; 1 where it has none."""
        total = self.inside.sum()
        return float(self.inside[int(np.ceil(threshold * BINS)) :].sum() / total) if total else 1.0

    def points(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Recall and precision at each threshold, from the highest down."""
        hits = np.cumsum(self.inside[::-1]).astype(np.float64)
        claimed = hits + np.cumsum(self.outside[::-1])
        return hits / max(self.inside.sum(), 1), np.divide(hits, claimed, out=np.ones_like(hits), where=claimed > 0)

    def average_precision(self) -> float:
        """The area under precision over recall, by steps; it needs no threshold."""
        recall, precision = self.points()
        return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def curve(probability: Map, truth: Mask, where: Mask | None = None) -> ProbabilityHistogram:
    """The curve of one volume (z, y, x), of all voxels or of those in `where`."""
    bins = np.minimum((probability * BINS).astype(np.intp), BINS - 1)
    if where is not None:
        bins, truth = bins[where], truth[where]
    return ProbabilityHistogram(
        np.bincount(bins[truth].ravel(), minlength=BINS).astype(np.int64),
        np.bincount(bins[~truth].ravel(), minlength=BINS).astype(np.int64),
    )


def where_seen(truth: Mask, normal_z: Map, *, reach_voxels: float) -> Mask:
    """All voxels but those within `reach_voxels` of membrane that the missing wedge hides.

    There, what a map claims and what it misses say little about the method; elsewhere both count.
    """
    hidden = truth & (normal_z >= SEEN_BELOW)
    if not hidden.any():
        return np.ones(truth.shape, bool)
    seen: Mask = distance_transform_edt(~hidden) > reach_voxels
    return seen


def recall_by_orientation(
    probability: Map, truth: Mask, normal_z: Map, threshold: float = 0.5
) -> dict[str, tuple[int, int]]:
    """For each range of |n_z|: how many of the membrane's voxels are above the threshold, and how many there are."""
    found = probability >= threshold
    counts = {}
    for low, high in ORIENTATIONS:
        here = truth & (normal_z >= low) & (normal_z < high)
        counts[f"{low:g}-{min(high, 1):g}"] = (int(np.count_nonzero(found & here)), int(np.count_nonzero(here)))
    return counts
