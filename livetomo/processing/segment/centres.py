"""Make a map of spheres around particles' centres peak at the centres."""

import math

from torch import Tensor

_WHOLE = 0.8
_SIGMA = 0.4
"""Of the Gaussian, in radii. With a half, simulated particles that touch often had one summit between them."""


def centred(probability: Tensor, *, radius_voxels: float) -> Tensor:
    """How much of a sphere of this radius around each voxel is there, 0..1; a new float32 tensor (z, y, x).

    A network that is taught spheres answers with flat ones. Weighted with a narrower Gaussian, a whole sphere gives
    0.8 at its centre and less beside it; the rest is room for neighbours, whose sum must not be cut flat.
    """
    sigma = _SIGMA * radius_voxels
    reach = max(1, round(2.5 * sigma))
    weights = [math.exp(-((step / sigma) ** 2) / 2) for step in range(reach + 1)]
    total = weights[0] + 2 * sum(weights[1:])
    smooth = probability.float()
    for axis in range(3):
        smooth = _along(smooth, axis, [weight / total for weight in weights])
    return smooth.mul_(_WHOLE / _share(radius_voxels / sigma)).clamp_(max=1)


def _along(volume: Tensor, axis: int, weights: list[float]) -> Tensor:
    """Convolved along an axis, nothing beyond the faces; as shifted copies: torch's own takes many times the memory."""
    out = volume * weights[0]
    length = volume.shape[axis]
    for step, weight in enumerate(weights[1 : min(len(weights), length)], start=1):
        rest = length - step
        out.narrow(axis, step, rest).add_(volume.narrow(axis, 0, rest), alpha=weight)
        out.narrow(axis, 0, rest).add_(volume.narrow(axis, step, rest), alpha=weight)
    return out


def _share(radius: float) -> float:
    """A normal distribution's share within a radius (in standard deviations) of its centre, in three dimensions."""
    return math.erf(radius / math.sqrt(2)) - math.sqrt(2 / math.pi) * radius * math.exp(-(radius**2) / 2)
