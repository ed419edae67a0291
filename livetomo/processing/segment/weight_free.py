"""Find features without any network: compact particles, membranes, and matter denser than any protein."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from livetomo.processing.blank import on_grid
from livetomo.processing.denoise.lowpass import lowpass
from livetomo.processing.interact import near
from livetomo.processing.normalise import typical
from livetomo.processing.segment.canonical import frequencies

EVEN_ODDS_DEVIATIONS = 5.0
_STEEPNESS = 3.0
_VOXELS_PER_DIAMETER = 8
_WHITENING = 1.5
_SMOOTHING = 0.6
_VOXEL = (1.0, 1.0, 1.0)
SECTIONS = 16


def blob(density: Tensor, *, diameter_voxels: float, blank: Tensor | None = None) -> Tensor:
    """How probably each voxel is the centre of a particle of this diameter; new tensor, 0..1.

    density: normalised and clipped, matter positive, (z, y, x). blank: bool, voxels that hold nothing, where it is 0.

    The filter is that of a soft sphere in coloured noise: the sphere's transform divided by a power of the volume's
    own radial amplitude spectrum. The matched filter proper divides by the noise's power (exponent 2), a whitened one
    by its amplitude (1); the spectrum at hand holds particles too, hence 1.5 between them. On a real lamella this
    finds 5 points more of the true positions than a difference of Gaussians at the same number of candidates.

    Work is done at about 8 voxels per diameter: finer ones hold nothing that such a particle is known by.
    """
    step = max(1, int(diameter_voxels / _VOXELS_PER_DIAMETER))
    coarse = _shrink(density, step)
    unknown = None if blank is None else on_grid(blank, coarse.shape)
    probability = as_probability(_matched(coarse, diameter_voxels / step), unknown)
    return _grow(probability, step, density.shape)


def as_probability(response: Tensor, blank: Tensor | None = None) -> Tensor:
    """A response as a probability: 0 up to its median, 1/2 at 5 robust deviations above, rising without a plateau.

    In Gaussian noise alone a tomogram has less than one independent place above 5 deviations, so that what is above
    1/2 is something. The odds grow with the third power of the deviations: a logistic curve would be flat in float32
    for the clearest particles, and their ranks and centres would be lost. It works in place.

    blank: voxels that do not count for the median and the deviations.
    """
    centre, deviation = typical(response, blank)
    if deviation == 0:
        return response.zero_()
    response.sub_(centre).div_(deviation * EVEN_ODDS_DEVIATIONS).clamp_(min=0).pow_(_STEEPNESS)
    return response.div_(response + 1)


def _matched(density: Tensor, diameter: float) -> Tensor:
    reach = [math.ceil(diameter / 2)] * 3
    sides = [side for extent in reversed(reach) for side in (extent, extent)]
    padded = functional.pad(density, sides)  # with the median: a mirror would double what noise holds at the faces
    shape = padded.shape
    spectrum = torch.fft.rfftn(padded)
    del padded
    spectrum[0, 0, 0] = 0
    amplitude = _smooth(_radial_amplitude(spectrum, shape), _SMOOTHING / diameter)
    for plane, frequency in zip(spectrum, frequencies(shape, _VOXEL, density.device), strict=True):
        below = _shell(frequency, len(amplitude)).floor().long().clamp_(max=len(amplitude) - 2)
        between = torch.lerp(
            amplitude[below], amplitude[below + 1], (_shell(frequency, len(amplitude)) - below).clamp_(max=1)
        )
        plane.mul_(_soft_sphere(frequency, diameter) / between.pow_(_WHITENING))
    response: Tensor = torch.fft.irfftn(spectrum, s=shape)
    inside = tuple(slice(side, side + extent) for side, extent in zip(reach, density.shape, strict=True))
    return response[inside].contiguous()


def _shell(frequency: Tensor, shells: int) -> Tensor:
    """On which of `shells` shells, from 0 to beyond the edge of the spectrum's corner, a frequency lies."""
    return frequency * ((shells - 1) / math.sqrt(0.75))


def _radial_amplitude(spectrum: Tensor, shape: torch.Size) -> Tensor:
    """The root mean square amplitude of each shell."""
    shells = max(8, min(shape) // 3)
    power = torch.zeros(shells, device=spectrum.device)
    count = torch.zeros(shells, device=spectrum.device)
    for plane, frequency in zip(spectrum, frequencies(shape, _VOXEL, spectrum.device), strict=True):
        shell = _shell(frequency, shells).round_().long().clamp_(max=shells - 1).view(-1)
        squares = plane.real.square().add_(plane.imag.square())
        power.index_add_(0, shell, squares.view(-1))
        count.index_add_(0, shell, torch.ones_like(frequency).view(-1))
    return (power / count.clamp_(min=1)).sqrt_().clamp_(min=1e-20)


def _smooth(amplitude: Tensor, width: float) -> Tensor:
    """The amplitudes' geometric mean over a Gaussian of `width` (cycles per voxel), without the first shell's few.

    In a clean volume the spectrum has the zeros of the particles' own transform: divided by them, it would ring.
    """
    place = torch.arange(len(amplitude), device=amplitude.device) * (math.sqrt(0.75) / (len(amplitude) - 1))
    weight = ((place[:, None] - place) / width).square_().mul_(-0.5).exp_()
    weight[:, 0] = 0
    return (weight @ amplitude.log() / weight.sum(1)).exp_()


def _soft_sphere(frequency: Tensor, diameter: float) -> Tensor:
    """The transform of a solid sphere blurred by an eighth of its diameter."""
    phase = (frequency * (math.pi * diameter)).clamp_(min=0.1)
    sphere = 3 * (phase.sin() - phase * phase.cos()) / phase**3
    return sphere.mul_(frequency.square().mul_(-2 * (math.pi * diameter / _VOXELS_PER_DIAMETER) ** 2).exp_())


def _shrink(volume: Tensor, step: int) -> Tensor:
    """Mean over cubes of `step` voxels; at the far faces over what is there."""
    if step == 1:
        return volume
    return functional.avg_pool3d(volume[None, None], step, ceil_mode=True, count_include_pad=False)[0, 0]


def _grow(volume: Tensor, step: int, shape: torch.Size) -> Tensor:
    """The inverse of `_shrink`, linear between the centres of the cubes."""
    if step == 1:
        return volume
    wide = functional.interpolate(volume[None, None], scale_factor=step, mode="trilinear", align_corners=False)[0, 0]
    return wide[: shape[0], : shape[1], : shape[2]].contiguous()


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


def dense(density: Tensor, *, deviations: float, grow_voxels: float) -> Tensor:
    """uint8: 1 where `density` (normalised, not clipped, matter positive) exceeds `deviations`, and near it; else 0."""
    return near(density > deviations, radius_voxels=grow_voxels).to(torch.uint8)
