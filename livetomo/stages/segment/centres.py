"""Make a map of spheres around particles' centres peak at the centres."""

import math

import torch
from torch import Tensor
from torch.nn import functional

_WHOLE = 0.8
RIBOSOME_RADIUS_ANGSTROM = 95.0
"""Of the sphere that stands for a ribosome: smaller than the ribosome, so that neighbours stay apart."""


def centred(probability: Tensor, *, radius_voxels: float) -> Tensor:
    """How much of a sphere of this radius around each voxel is there, 0..1; a new float32 tensor (z, y, x).

    A network that is taught spheres answers with flat ones. Weighted with a Gaussian of half the radius, a whole sphere
    gives 0.8 at its centre and less beside it; the rest is room for neighbours, whose sum must not be cut flat.
    """
    sigma = 0.5 * radius_voxels
    reach = max(1, round(2.5 * sigma))
    steps = torch.arange(-reach, reach + 1, device=probability.device, dtype=torch.float32)
    kernel = torch.exp(-((steps / sigma) ** 2) / 2)
    kernel /= kernel.sum()
    smooth = probability.float()[None, None]
    for axis in range(3):
        view = [1, 1, *(-1 if a == axis else 1 for a in range(3))]
        padding = [reach if a == axis else 0 for a in range(3)]
        smooth = functional.conv3d(smooth, kernel.view(view), padding=padding)
    return smooth[0, 0].mul_(_WHOLE / _share(radius_voxels / sigma)).clamp_(max=1)


def _share(radius: float) -> float:
    """A normal distribution's share within a radius (in standard deviations) of its centre, in three dimensions."""
    return math.erf(radius / math.sqrt(2)) - math.sqrt(2 / math.pi) * radius * math.exp(-(radius**2) / 2)
