"""How sound the voxels themselves are."""

import torch
from torch import Tensor

from livetomo.core.quality.metric import Quality
from livetomo.processing.blank import Blank


def finite_share(voxels: int, replaced: int) -> Quality:
    """The share of voxels that are numbers."""
    return Quality("finite_share", 1 - replaced / voxels, "")


def blank_share(blank: Blank | None) -> Quality:
    """The share of voxels that are padding or masked."""
    return Quality("blank_share", 0.0 if blank is None else blank.share, "")


def saturated_share(volume: Tensor, blank: Blank | None = None) -> Quality:
    """The share of voxels at the lowest or the highest value, of those that are not blank.

    In a clipped volume (a conversion to bytes with a narrow range) many are; in an unclipped one only a few. Every
    volume has one of each: these do not count.
    """
    planes = list(volume) if blank is None else [plane[~mask] for plane, mask in zip(volume, blank.mask, strict=True)]
    ends = torch.stack([torch.stack(torch.aminmax(plane)) for plane in planes if len(plane)])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    count = sum(int(torch.count_nonzero(plane == low)) + int(torch.count_nonzero(plane == high)) for plane in planes)
    return Quality("saturated_share", max(0, count - 2) / sum(plane.numel() for plane in planes), "")


def dense_share(density: Tensor, blank: Blank | None = None, *, deviations: float = 10.0) -> Quality:
    """The share of a normalised volume's voxels (not clipped, matter positive) that are denser than any protein.

    Of those that are not blank, which are 0.
    """
    count = sum(int(torch.count_nonzero(plane > deviations)) for plane in density)
    return Quality("dense_share", count / (density.numel() * (1.0 if blank is None else 1 - blank.share)), "")
