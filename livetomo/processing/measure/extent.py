"""How much room a feature takes, and how large its surface is."""

import torch
from torch import Tensor

from livetomo.core.quality.metric import Quality

_PLANES = 16
_UM_PER_ANGSTROM = 1e-4
# Central differences give faces along the axes and diagonals exactly, others too large; of a sphere, all together, 9 %.
_ALL_DIRECTIONS = 1.09


def extent_figures(
    feature: str, probability: Tensor, *, threshold: float, voxel_size_angstrom: float, real_share: float = 1.0
) -> list[Quality]:
    """Share of the volume, volume and surface of where a map (z, y, x) exceeds a threshold.

    real_share: the share of the volume that is not blank, and of which the feature's share is.
    """
    voxels, faces = _volume_and_surface(probability, threshold)
    length = voxel_size_angstrom * _UM_PER_ANGSTROM
    return [
        Quality(f"{feature}_share", voxels / (probability.numel() * real_share), ""),
        Quality(f"{feature}_volume", voxels * length**3, "µm³"),
        Quality(f"{feature}_area", faces * length**2, "µm²"),
    ]


def _volume_and_surface(probability: Tensor, threshold: float) -> tuple[int, float]:
    """In voxels and in faces of voxels; the volume's own faces are no surface.

    The surface is the sum of the gradient's length over the voxels (the coarea formula): right for surfaces of all
    directions, 8 % low for faces along the axes. A sheet one voxel thick is seen half.
    """
    voxels, surface = 0, 0.0
    depth = probability.shape[0]
    for start in range(0, depth, _PLANES):
        low, high = max(start - 1, 0), min(start + _PLANES + 1, depth)
        part = (probability[low:high] > threshold).float()
        kept = slice(start - low, min(start + _PLANES, depth) - low)
        inside = int(torch.count_nonzero(part[kept]))
        if not inside and not bool(part.any()):
            continue
        voxels += inside
        squares = torch.zeros_like(part[kept])
        for axis in range(3):
            if part.shape[axis] > 1:
                squares += torch.gradient(part, dim=axis)[0][kept].square_()
        surface += float(squares.sqrt_().sum())
    return voxels, surface / _ALL_DIRECTIONS
