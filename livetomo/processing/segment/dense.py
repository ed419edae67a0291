"""Find matter far denser than any protein: ice crystals, gold, broken film."""

import torch
from torch import Tensor

from livetomo.processing.distance import near


def dense(density: Tensor, *, deviations: float, grow_voxels: float) -> Tensor:
    """uint8: 1 where `density` (normalised, not clipped, matter positive) exceeds `deviations`, and near it; else 0."""
    return near(density > deviations, radius_voxels=grow_voxels).to(torch.uint8)
