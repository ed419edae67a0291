"""Change one feature's map by where another one is, and let features compete for voxels.

The rules are those of Ais (Last et al. 2024, eLife 13:RP98552), by default in three dimensions. "Within a radius" means
closer than it; in three dimensions a radius of one voxel or less means the partner's own voxels only. With `slicewise`
it is exactly what Ais does, slice by slice in z, where a radius below one voxel reaches nothing: `avoid` then changes
nothing and `colocalize` erases everything.
"""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from livetomo.processing.distance import near, near_in_slice


def avoid(
    probability: Tensor, partner: Tensor, *, threshold: float, radius_voxels: float, slicewise: bool = False
) -> Tensor:
    """Zero `probability` within `radius_voxels` of where `partner` exceeds `threshold`.

    Both (z, y, x), 0..1, same device; returns a new tensor.
    """
    reach = near_in_slice if slicewise else near
    return probability.masked_fill(reach(partner > threshold, radius_voxels=radius_voxels), 0)


def colocalize(
    probability: Tensor, partner: Tensor, *, threshold: float, radius_voxels: float, slicewise: bool = False
) -> Tensor:
    """Zero `probability` everywhere but within `radius_voxels` of where `partner` exceeds `threshold`.

    Both (z, y, x), 0..1, same device; returns a new tensor.
    """
    reach = near_in_slice if slicewise else near
    return probability.masked_fill(reach(partner > threshold, radius_voxels=radius_voxels).logical_not_(), 0)


def compete(maps: Mapping[str, Tensor], *, emit: Collection[str], absorb: Collection[str]) -> dict[str, Tensor]:
    """Zero each absorbing map wherever an emitting one is higher; ties survive.

    What the emitters reach is computed once, from the maps as they are given, so that the order does not matter.
    Without both an emitter and an absorber nothing changes. Maps that do not absorb are returned as they are.
    """
    changed = dict(maps)
    if not emit or not absorb:
        return changed
    first, *others = emit
    strongest = maps[first].clone() if others else maps[first]
    for name in others:
        torch.maximum(strongest, maps[name], out=strongest)
    for name in absorb:
        changed[name] = maps[name].masked_fill(maps[name] < strongest, 0)
    return changed
