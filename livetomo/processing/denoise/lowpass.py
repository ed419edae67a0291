"""A Gaussian low-pass filter: the plainest denoiser, and a part of others."""

import math

import torch
from torch import Tensor
from torch.nn import functional

_PLANES = 32


def sigma_of_resolution(resolution: float) -> float:
    """The sigma whose Gaussian lets 1/e of the amplitude through at 1/`resolution`, in the same unit.

    The transfer function of a Gaussian of sigma s is exp(-2 (pi s k)²).
    """
    return resolution / (math.pi * math.sqrt(2))


def lowpass(volume: Tensor, *, sigma_voxels: float) -> Tensor:
    """Convolve (z, y, x) with a Gaussian, mirrored at the faces; returns a new tensor."""
    return lowpass_(volume.clone(), sigma_voxels=sigma_voxels)


def lowpass_(volume: Tensor, *, sigma_voxels: float) -> Tensor:
    """As `lowpass`, in place.

    One axis after the other, as a sum of shifted copies, a few planes at a time: no library's scratch memory, hardly
    any of our own, the same on every device.
    """
    if sigma_voxels <= 0:
        return volume
    for axis in range(3):
        weights = _weights(sigma_voxels, volume.shape[axis] - 1)
        across = 1 if axis == 0 else 0
        for planes in torch.split(volume, _PLANES, dim=across):
            planes.copy_(_along(planes, axis, weights))
    return volume


def _weights(sigma: float, most: int) -> list[float]:
    """The kernel from its centre outwards, to 4 sigma or `most` voxels, of unit sum."""
    reach = min(max(1, math.ceil(4 * sigma)), most)
    half = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(reach + 1)]
    total = half[0] + 2 * sum(half[1:])
    return [weight / total for weight in half]


def _along(volume: Tensor, axis: int, weights: list[float]) -> Tensor:
    length = volume.shape[axis]
    reach = len(weights) - 1
    sides = [0] * 6
    sides[2 * (2 - axis)] = sides[2 * (2 - axis) + 1] = reach
    padded = functional.pad(volume[None, None], sides, mode="reflect")[0, 0]
    out = torch.mul(padded.narrow(axis, reach, length), weights[0])
    for step in range(1, reach + 1):
        out.add_(padded.narrow(axis, reach - step, length), alpha=weights[step])
        out.add_(padded.narrow(axis, reach + step, length), alpha=weights[step])
    return out
