"""How sound the voxels themselves are."""

import torch
from torch import Tensor

from livetomo.quality import Quality, Verdict


def finite_share(voxels: int, replaced: int) -> Quality:
    """The share of voxels that are numbers. Limits: our own; a reconstruction has no reason to hold any other."""
    share = 1 - replaced / voxels
    if not replaced:
        return Quality("finite_share", 1.0, "")
    verdict: Verdict = "bad" if share < 0.99 else "warn"
    return Quality("finite_share", share, "", verdict, f"{replaced:,} voxels are not numbers and were replaced")


def saturated_share(volume: Tensor) -> Quality:
    """The share of voxels at the lowest or the highest value. Limits: our own.

    In a clipped volume (a conversion to bytes with a narrow range) many are; in an unclipped one only a few.
    """
    low, high = torch.aminmax(volume)
    share = (int((volume == low).sum()) + int((volume == high).sum())) / volume.numel()
    if share <= 0.001:
        return Quality("saturated_share", share, "")
    reason = f"{share:.1%} of the voxels are at the lowest or highest value: was it clipped, or padded?"
    return Quality("saturated_share", share, "", "bad" if share > 0.05 else "warn", reason)


def masked_share(name: str, probability: Tensor) -> Quality:
    """The share of the volume that a mask takes. Limits: our own; 2 % is a corner of ice, 10 % spoils a tomogram."""
    share = sum(int((plane > 0.5).sum()) for plane in probability) / probability.numel()
    if share <= 0.02:
        return Quality(name, share, "")
    reason = f"{share:.0%} of the volume is taken by very dense matter"
    return Quality(name, share, "", "bad" if share > 0.1 else "warn", reason)
