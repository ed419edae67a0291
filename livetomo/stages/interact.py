"""Change one feature's map by where another one is.

The rules are those of Ais (Last et al. 2024, eLife 13:RP98552), here in three dimensions. "Within a radius" means
closer than it; a radius of one voxel or less means the partner's own voxels only.
"""

from torch import Tensor

from livetomo.stages.distance import near


def avoid(probability: Tensor, partner: Tensor, *, threshold: float, radius_voxels: float) -> Tensor:
    """Zero `probability` within `radius_voxels` of where `partner` exceeds `threshold`.

    Both (z, y, x), 0..1, same device; returns a new tensor.
    """
    return probability.masked_fill(near(partner > threshold, radius_voxels=radius_voxels), 0)


def colocalize(probability: Tensor, partner: Tensor, *, threshold: float, radius_voxels: float) -> Tensor:
    """Zero `probability` everywhere but within `radius_voxels` of where `partner` exceeds `threshold`.

    Both (z, y, x), 0..1, same device; returns a new tensor.
    """
    return probability.masked_fill(near(partner > threshold, radius_voxels=radius_voxels).logical_not_(), 0)
