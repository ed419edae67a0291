"""What of a volume is compared with a template: which frequencies of a crop, and the volume that crops are cut from."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from livetomo.processing.segment.canonical import frequencies

VOXELS_PER_PERIOD = 2.2
_SHELLS = 40
_SMOOTHING = 2.0
_ROUNDING = 1e-5


@dataclass(frozen=True, slots=True)
class FilledWedge:
    """The angles of the views, from the x-y plane, in the plane of z and `axis`, which lies across the tilt axis."""

    low_degrees: float
    high_degrees: float
    axis: str = "x"

    def holds(self, kz: Tensor, ky: Tensor, kx: Tensor) -> Tensor:
        """Whether these frequencies were seen: by the projection theorem a view at t fills kz = kx tan(t)."""
        across = kx if self.axis == "x" else ky
        angle = torch.rad2deg(torch.atan2(torch.where(across < 0, -kz, kz), across.abs()))
        return (angle >= self.low_degrees) & (angle <= self.high_degrees)


@dataclass(frozen=True, slots=True)
class FilteredVolume:
    """A volume (z, y, x), matter positive, without what is finer than a low-pass and at as few voxels as that needs.

    spacing_angstrom: of its voxels along z, y, x, which differ a little. scale: how many of its voxels one of the
    tomogram's makes, along z, y, x; the first voxels lie on each other.
    whitening: (n,) what it was multiplied by at evenly spaced frequencies from 0 to 1 / low-pass.
    """

    volume: Tensor
    spacing_angstrom: tuple[float, float, float]
    scale: tuple[float, float, float]
    low_pass_angstrom: float
    whitening: Tensor

    def voxels(self, angstrom: float) -> tuple[float, float, float]:
        """A length in voxels along z, y, x."""
        z, y, x = self.spacing_angstrom
        return angstrom / z, angstrom / y, angstrom / x

    def gain(self, frequency: Tensor) -> Tensor:
        """What the volume was multiplied by at these frequencies (1/Å)."""
        return _between(self.whitening, frequency * self.low_pass_angstrom)


def filtered(volume: Tensor, *, voxel_size_angstrom: float, low_pass_angstrom: float, whiten: float) -> FilteredVolume:
    """The volume (z, y, x; matter positive) as candidates are to be cut from it; a new tensor.

    whiten: to which power of its own radial amplitude it is divided: 0 leaves it, 1 makes it white up to the low-pass.
    """
    least = low_pass_angstrom / VOXELS_PER_PERIOD / voxel_size_angstrom
    shape = [min(n, math.ceil(n / least)) if least > 1 else n for n in volume.shape]
    z, y, x = (m / n for n, m in zip(volume.shape, shape, strict=True))
    scale = (z, y, x)
    spacing = (voxel_size_angstrom / z, voxel_size_angstrom / y, voxel_size_angstrom / x)
    lowest, highest = (float(end) for end in torch.aminmax(volume))
    if highest - lowest <= _ROUNDING * max(-lowest, highest):
        # Whitening would make noise of the transform's rounding.
        flat = torch.zeros(shape, device=volume.device)
        return FilteredVolume(flat, spacing, scale, low_pass_angstrom, torch.ones(_SHELLS, device=volume.device))
    spectrum = _cropped_spectrum(volume.float(), shape)
    planes = frequencies(shape, spacing, volume.device)
    norms = torch.stack(list(planes))
    inside = (norms <= 1 / low_pass_angstrom) & (norms > 0)
    whitening = _whitening(spectrum, norms * low_pass_angstrom, inside, whiten)
    spectrum *= torch.where(inside, _between(whitening, norms * low_pass_angstrom), 0)
    low_passed: Tensor = torch.fft.irfftn(spectrum, s=shape)
    return FilteredVolume(low_passed, spacing, scale, low_pass_angstrom, whitening)


def _cropped_spectrum(volume: Tensor, shape: Sequence[int]) -> Tensor:
    """The transform of a real volume, as rfftn has it, of the frequencies that `shape` has; axis by axis."""
    spectrum: Tensor = torch.fft.rfft(volume, dim=2)[:, :, : shape[2] // 2 + 1]
    for axis in (1, 0):
        spectrum = torch.fft.fft(spectrum, dim=axis)
        old, new = spectrum.shape[axis], shape[axis]
        ahead = (new + 1) // 2
        if new < old:
            parts = (spectrum.narrow(axis, 0, ahead), spectrum.narrow(axis, old - (new - ahead), new - ahead))
            spectrum = torch.cat(parts, axis)
    return spectrum * (math.prod(shape) / volume.numel())


def _whitening(spectrum: Tensor, radius: Tensor, inside: Tensor, power: float) -> Tensor:
    if power == 0:
        return torch.ones(_SHELLS, device=spectrum.device)
    shell = (radius[inside] * (_SHELLS - 1)).round_().long()
    squares = spectrum[inside].abs().square_()
    sums = torch.zeros(_SHELLS, device=spectrum.device).index_add_(0, shell, squares)
    count = torch.zeros(_SHELLS, device=spectrum.device).index_add_(0, shell, torch.ones_like(squares))
    known = count > 0
    if not bool(known.any()):
        return torch.ones(_SHELLS, device=spectrum.device)
    place = torch.arange(_SHELLS, device=spectrum.device, dtype=torch.float32)
    weight = (-((place[:, None] - place[known]) / _SMOOTHING).square() / 2).exp()
    amplitude = (sums[known] / count[known]).clamp_(min=1e-30).sqrt().log()
    smooth = ((weight @ amplitude) / weight.sum(1)).exp()
    return (smooth / smooth.max()).pow(-power)


def _between(values: Tensor, share: Tensor) -> Tensor:
    """The values at these shares of their range, 0 to 1, linear between them."""
    where = (share * (len(values) - 1)).clamp(0, len(values) - 1)
    low = where.floor().long().clamp_(max=len(values) - 2)
    return torch.lerp(values[low], values[low + 1], where - low)


@dataclass(frozen=True, slots=True)
class Band:
    """Of the transform (rfftn) of a cubic crop: the coefficients that are compared.

    side: voxels of the crop along each axis, `spacing` apart along z, y, x.
    mask: (side, side, side), 0..1, in whose sphere the crop counts.
    at: int64 (k,), into the flattened transform. frequencies: (k, 3), 1/Å along x, y, z.
    weight: (k,), by what template and crop are multiplied: half a transform stands for the whole one.
    gain: (k,), by what the template is multiplied besides, as the volume was.
    """

    side: int
    spacing_angstrom: tuple[float, float, float]
    mask: Tensor
    at: Tensor
    frequencies: Tensor
    weight: Tensor
    gain: Tensor


def band(
    source: FilteredVolume, *, diameter_angstrom: float, wedge: FilledWedge | None, low_pass_angstrom: float = 0.0
) -> Band:
    """The coefficients, up to the coarser low-pass and in the filled wedge, of crops that hold a sphere."""
    device, spacing = source.volume.device, source.spacing_angstrom
    radius = diameter_angstrom / 2
    edge = sum(spacing) / 3
    side = 2 * math.ceil((radius + edge) / min(spacing)) + 1
    middle = side // 2
    axes = [(torch.arange(side, device=device, dtype=torch.float32) - middle) * step for step in spacing]
    away = (axes[0][:, None, None].square() + axes[1][:, None].square() + axes[2].square()).sqrt()
    mask = ((radius + edge - away) / (2 * edge)).clamp_(0, 1)
    kz, ky = (torch.fft.fftfreq(side, step, device=device) for step in spacing[:2])
    kx = torch.fft.rfftfreq(side, spacing[2], device=device)
    kz, ky, kx = torch.meshgrid(kz, ky, kx, indexing="ij")
    norm = (kz.square() + ky.square() + kx.square()).sqrt()
    taken = (norm > 0) & (norm <= 1 / max(source.low_pass_angstrom, low_pass_angstrom))
    if wedge is not None:
        taken &= wedge.holds(kz, ky, kx)
    at = taken.flatten().nonzero()[:, 0]
    k = torch.stack([kx, ky, kz], dim=-1).reshape(-1, 3)[at]
    weight = torch.where(k[:, 0] > 0, math.sqrt(2), 1.0)
    return Band(side, spacing, mask, at, k, weight, source.gain(norm.flatten()[at]))
