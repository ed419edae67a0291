"""Run a network with little memory: its highest level slab by slab, the lower ones whole. The answer is the same.

A tile needs a margin as wide as the whole network sees, 56 voxels for four levels, and most of that is what the lowest
levels see. These are small: each has an eighth of the voxels of the one above. The highest level alone, two
convolutions down and two up, sees two voxels at a time.
"""

import torch
from torch import Tensor
from torch.nn import functional

from livetomo.processing.networks.unet import Network

_REACH = 2  # of a block's two convolutions


def in_slabs(network: Network, volume: Tensor, *, most_voxels: int, dtype: torch.dtype = torch.float16) -> Tensor:
    """Probabilities (1, features, z, y, x) of `dtype` of a volume (1, 1, z, y, x) whose extents suit the network.

    A slab has at most `most_voxels`, margins not counted, or two sections where these are more.
    """
    shape = volume.shape[2:]
    planes = planes_of(shape, most_voxels)
    out = torch.empty((1, len(network.layout.features), *shape), dtype=dtype, device=volume.device)
    if planes >= shape[0] or network.layout.levels == 1:
        return out.copy_(network(volume).float().sigmoid_())
    slabs = [(first, min(first + planes, shape[0])) for first in range(0, shape[0], planes)]
    below = _lower(network, torch.cat([functional.max_pool3d(_top(network, volume, *slab), 2) for slab in slabs], 2))
    for first, last in slabs:
        low, high = max(0, first - _REACH), min(shape[0], last + _REACH)
        coarse = network.narrow[-1](below[:, :, low // 2 : high // 2])
        x = functional.interpolate(coarse, scale_factor=2, mode="nearest").add_(_top(network, volume, low, high))
        x = network.up[-1](x)[:, :, first - low : last - low]
        out[:, :, first:last] = network.head(x).float().sigmoid_()
    return out


def planes_of(shape: tuple[int, ...], most_voxels: int) -> int:
    """How many sections a slab has: an even number, so that it can be pooled."""
    return max(2, min(shape[0], most_voxels // (shape[1] * shape[2])) // 2 * 2)


def _top(network: Network, volume: Tensor, first: int, last: int) -> Tensor:
    """What the highest level makes of these sections on the way down."""
    low, high = max(0, first - _REACH), min(volume.shape[2], last + _REACH)
    answer: Tensor = network.down[0](volume[:, :, low:high])
    return answer[:, :, first - low : last - low]


def _lower(network: Network, pooled: Tensor) -> Tensor:
    """What all levels but the highest make of its pooled answer."""
    skips: list[Tensor] = []
    x = pooled
    for number, block in enumerate(list(network.down)[1:]):
        x = block(functional.max_pool3d(x, 2) if number else x)
        skips.append(x)
    skips.pop()
    for narrow, block in zip(list(network.narrow)[:-1], list(network.up)[:-1], strict=True):
        x = block(functional.interpolate(narrow(x), scale_factor=2, mode="nearest").add_(skips.pop()))
    return x
