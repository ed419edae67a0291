"""Find membranes without any network: places that are curved across one direction alone."""

import math

import torch
from torch import Tensor

from livetomo.processing.denoise.lowpass import lowpass
from livetomo.processing.segment.blob import as_probability

SECTIONS = 16


def ridge(density: Tensor, *, sigmas_voxels: tuple[float, ...], blank: Tensor | None = None) -> Tensor:
    """How probably each voxel is on a sheet about as thick as one of the sigmas; new tensor, 0..1.

    density: normalised and clipped, matter positive, (z, y, x). blank: bool, voxels that hold nothing, where it is 0.

    From the Hessian's eigenvalues, as the surfaceness of Martinez-Sanchez et al. 2011 (J. Struct. Biol. 176, 247), but
    |l1| - max(|l2|, |l3|), where their formula is |l1| - sqrt(|l2 l3|), which takes a rod for a sheet. The best of the
    scales, each in its own robust deviations. It sees walls better than floors, which the missing wedge hides, and
    answers to the rims of particles too.
    """
    best: Tensor | None = None
    for sigma in sigmas_voxels:
        probability = as_probability(_surfaceness(lowpass(density, sigma_voxels=sigma)), blank)
        best = probability if best is None else torch.maximum(best, probability)
    if best is None:
        raise ValueError("ridge needs at least one sigma")
    return best


def _surfaceness(smooth: Tensor) -> Tensor:
    """Section by section, because of the many second derivatives."""
    out = torch.empty_like(smooth)
    depth = smooth.shape[0]
    for start in range(0, depth, SECTIONS):
        stop = min(start + SECTIONS, depth)
        low, high = max(start - 2, 0), min(stop + 2, depth)
        part = _of_hessian(smooth[low:high])
        out[start:stop] = part[start - low : stop - low]
    return out


def _of_hessian(part: Tensor) -> Tensor:
    gradients = [_slope(part, axis) for axis in range(3)]
    zz, yy, xx = (_slope(gradients[axis], axis) for axis in range(3))
    zy, zx, yx = _slope(gradients[0], 1), _slope(gradients[0], 2), _slope(gradients[1], 2)
    del gradients
    high, middle, low = eigenvalues(zz, yy, xx, zy, zx, yx)
    # What is no ridge counts below zero, not as zero: its spread is the measure of what is.
    return low.neg() - torch.maximum(high.abs(), middle.abs())


def _slope(volume: Tensor, axis: int) -> Tensor:
    """Central differences, one-sided at the faces; nothing along an axis of one voxel."""
    if volume.shape[axis] < 2:
        return torch.zeros_like(volume)
    (slope,) = torch.gradient(volume, dim=axis)
    return slope


def eigenvalues(
    zz: Tensor, yy: Tensor, xx: Tensor, zy: Tensor, zx: Tensor, yx: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of symmetric 3 x 3 matrices, highest first, by the cosines of Smith 1961 (Commun. ACM 4, 168)."""
    mean = (zz + yy + xx) / 3
    a, b, c = zz - mean, yy - mean, xx - mean
    spread = ((a.square() + b.square() + c.square() + 2 * (zy.square() + zx.square() + yx.square())) / 6).sqrt_()
    safe = spread.clamp(min=1e-12)  # whose cube is still a float32
    determinant = a * (b * c - yx.square()) - zy * (zy * c - yx * zx) + zx * (zy * yx - b * zx)
    angle = (determinant / (2 * safe**3)).clamp_(-1, 1).acos_() / 3
    high = mean + 2 * spread * torch.cos(angle)
    low = mean + 2 * spread * torch.cos(angle + 2 * math.pi / 3)
    return high, 3 * mean - high - low, low
