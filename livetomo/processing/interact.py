"""Change one feature's map by where another one is, and let features compete for voxels.

The rules are those of Ais (Last et al. 2024, eLife 13:RP98552), by default in three dimensions. "Within a radius" means
closer than it; in three dimensions a radius of one voxel or less means the partner's own voxels only. With `slicewise`
it is exactly what Ais does, slice by slice in z, where a radius below one voxel reaches nothing: `avoid` then changes
nothing and `colocalize` erases everything.
"""

import math
from collections.abc import Collection, Mapping

import edt
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

_FAR = 1e6


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


def near(mask: Tensor, *, radius_voxels: float) -> Tensor:
    """The voxels of `mask` and those closer than `radius_voxels` to one of them; (z, y, x), bool, a new tensor."""
    if radius_voxels <= 1:
        return mask.clone()
    return _closer(mask, radius_voxels, margin=math.ceil(radius_voxels), depth=1.0)


def near_in_slice(mask: Tensor, *, radius_voxels: float) -> Tensor:
    """As Ais dilates: slice by slice in z, closer than the radius in whole voxels (rounded down), in x and y alone.

    A radius below one voxel reaches nothing at all, not even the mask itself; one of one voxel the mask itself.
    """
    reach = math.floor(radius_voxels)
    if reach <= 1:
        return mask.clone() if reach == 1 else torch.zeros_like(mask)
    return _closer(mask, reach, margin=reach, depth=_FAR)


def _closer(mask: Tensor, radius: float, *, margin: int, depth: float) -> Tensor:
    """Where the distance to `mask` is below `radius`, z distances counting `depth` times."""
    inside = mask.cpu().numpy()
    box = _bounds(inside, margin)
    out = np.zeros(inside.shape, bool)
    if box is not None:
        squares = edt.edtsq(~inside[box], anisotropy=(depth, 1.0, 1.0), parallel=torch.get_num_threads())
        np.less(squares, radius**2, out=out[box])
    return torch.from_numpy(out).to(mask.device)


def _bounds(mask: npt.NDArray[np.bool_], margin: int) -> tuple[slice, ...] | None:
    """The box around what is set, `margin` wider, or everything where that saves little; None where nothing is set."""
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        (places,) = np.nonzero(mask.any(axis=others))
        if len(places) == 0:
            return None
        box.append(slice(max(0, int(places[0]) - margin), int(places[-1]) + margin + 1))
    saved = 1 - math.prod(len(range(n)[side]) for n, side in zip(mask.shape, box, strict=True)) / mask.size
    return tuple(box) if saved > 0.5 else (slice(None),) * 3
