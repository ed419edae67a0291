"""How sound the voxels themselves are."""

import torch
from torch import Tensor

from livetomo.quality import Quality


def finite_share(voxels: int, replaced: int) -> Quality:
    """The share of voxels that are numbers."""
    return Quality("finite_share", 1 - replaced / voxels, "")


def saturated_share(volume: Tensor) -> Quality:
    """The share of voxels at the lowest or the highest value.

    In a clipped volume (a conversion to bytes with a narrow range) many are; in an unclipped one only a few.
    """
    low, high = torch.aminmax(volume)
    count = sum(int(torch.count_nonzero(plane == low)) + int(torch.count_nonzero(plane == high)) for plane in volume)
    return Quality("saturated_share", count / volume.numel(), "")


def dense_share(density: Tensor, *, deviations: float = 10.0) -> Quality:
    """The share of voxels of a normalised volume (not clipped, matter positive) that are denser than any protein."""
    count = sum(int(torch.count_nonzero(plane > deviations)) for plane in density)
    return Quality("dense_share", count / density.numel(), "")
