"""Find matter far denser than any protein: ice crystals, gold, broken film."""

from torch import Tensor

from livetomo.stages.distance import near


def dense(density: Tensor, *, deviations: float, grow_voxels: float) -> Tensor:
    """1 where `density` (normalised, not yet clipped, matter positive) is above `deviations`, and near it; else 0."""
    return near(density > deviations, radius_voxels=grow_voxels).float()
