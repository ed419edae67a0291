"""Find compact particles of a known diameter without any network: a matched filter, read as a probability."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from livetomo.processing.blank import on_grid
from livetomo.processing.normalise import typical
from livetomo.processing.segment.canonical import frequencies

EVEN_ODDS_DEVIATIONS = 5.0
_STEEPNESS = 3.0
_VOXELS_PER_DIAMETER = 8
_WHITENING = 1.5
_SMOOTHING = 0.6
_VOXEL = (1.0, 1.0, 1.0)


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
