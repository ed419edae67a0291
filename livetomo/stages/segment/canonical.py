"""Bring a tomogram to the voxel size and the spectrum that a network was trained on.

Microscopes, reconstruction programs and filters give the same specimen very different spectra. A network that has seen
only one of them would take the filter for the specimen; so the amplitudes of every volume, in training and after it,
are brought to the same radial course first.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from livetomo.stages.normalise import clip_, typical

SHELLS = 40
MARGIN_VOXELS = 6


@dataclass(frozen=True, slots=True)
class Canonical:
    """What a network is used to. Amplitudes rise from 1/`high_pass`, fall from 1/`fall`, and end at 1/`low_pass`.

    The shape of protein in ice at low resolution, and of what is left of it by 1/`low_pass`.
    """

    voxel_size_angstrom: float = 30.0
    high_pass_angstrom: float = 900.0
    fall_angstrom: float = 130.0
    low_pass_angstrom: float = 55.0

    @staticmethod
    def at(voxel_size_angstrom: float) -> "Canonical":
        """At another voxel size: the finer it is, the further amplitudes reach."""
        return Canonical(voxel_size_angstrom, low_pass_angstrom=55.0 * voxel_size_angstrom / 30.0)

    def amplitude(self, frequency: Tensor) -> Tensor:
        """At these spatial frequencies, 1/Å."""
        rise = 1 - torch.exp(-((self.high_pass_angstrom * frequency) ** 2))
        fall = 1 / (1 + (self.fall_angstrom * frequency) ** 2)
        return rise * fall * torch.exp(-((self.low_pass_angstrom * frequency) ** 2) / 2)


def canonical_shape(shape: torch.Size, voxel_size_angstrom: float, canonical: Canonical) -> tuple[int, int, int]:
    """The extents of a volume at the canonical voxel size; never less than a few voxels."""
    z, y, x = (max(8, round(n * voxel_size_angstrom / canonical.voxel_size_angstrom)) for n in shape)
    return z, y, x


def to_canonical(density: Tensor, *, voxel_size_angstrom: float, canonical: Canonical) -> Tensor:
    """The volume at the canonical voxel size with the canonical spectrum, normalised and clipped; a new tensor.

    density: normalised and clipped, matter positive, (z, y, x).

    The first voxels of both volumes lie on each other; index i of the input is i * n_out / n_in along each axis, whose
    extents are those of `canonical_shape`. Faces are mirrored outwards while it is computed: a face is not an edge.
    """
    shape = canonical_shape(density.shape, voxel_size_angstrom, canonical)
    margins = [min(_margin(n, m), n - 1) for n, m in zip(density.shape, shape, strict=True)]
    sides = [side for margin in reversed(margins) for side in (margin, margin)]
    padded = functional.pad(density[None, None].float(), sides, mode="reflect")[0, 0]
    scale = [m / n for n, m in zip(density.shape, shape, strict=True)]
    wanted = [max(2, round(extent * s)) for extent, s in zip(padded.shape, scale, strict=True)]
    spectrum = _resized(torch.fft.rfftn(padded), padded.shape, wanted)
    spectrum *= _shift([-margin * s for margin, s in zip(margins, scale, strict=True)], wanted, spectrum.device)
    frequency = _frequency(wanted, [voxel_size_angstrom / s for s in scale], spectrum.device)
    spectrum *= _gain(spectrum, frequency, canonical)
    out = torch.fft.irfftn(spectrum, s=wanted)[: shape[0], : shape[1], : shape[2]].contiguous()
    centre, deviation = typical(out)
    return clip_(out.sub_(centre).div_(max(deviation, 1e-20)))


def from_canonical(probability: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """A map at the canonical voxel size on the grid of the input that it was made from; linear between voxels."""
    for axis, n in enumerate(shape):
        m = probability.shape[axis]
        where = torch.arange(n, device=probability.device, dtype=torch.float32) * (m / n)
        low = where.floor().long().clamp_(max=m - 1)
        share = (where - low).clamp_(max=1)
        view = [-1 if a == axis else 1 for a in range(3)]
        lower = probability.index_select(axis, low)
        upper = probability.index_select(axis, (low + 1).clamp_(max=m - 1))
        probability = torch.lerp(lower.float(), upper.float(), share.view(view))
    return probability


def _margin(extent: int, wanted: int) -> int:
    return math.ceil(MARGIN_VOXELS * max(1.0, extent / wanted))


def _resized(spectrum: Tensor, shape: torch.Size, wanted: list[int]) -> Tensor:
    """A real volume's spectrum with more or fewer frequencies along each axis; the value at a place stays."""
    for axis in (0, 1):
        n, m = shape[axis], wanted[axis]
        positive, negative = (min(n, m) + 1) // 2, (min(n, m) - 1) // 2
        head = spectrum.narrow(axis, 0, positive)
        tail = spectrum.narrow(axis, n - negative, negative)
        gap_shape = list(spectrum.shape)
        gap_shape[axis] = m - positive - negative
        spectrum = torch.cat([head, spectrum.new_zeros(gap_shape), tail], dim=axis)
    columns = wanted[2] // 2 + 1
    if columns <= spectrum.shape[2]:
        return spectrum[:, :, :columns].contiguous()
    more = spectrum.new_zeros((*spectrum.shape[:2], columns - spectrum.shape[2]))
    return torch.cat([spectrum, more], dim=2)


def _shift(voxels: list[float], shape: list[int], device: torch.device) -> Tensor:
    """The phases that move a volume by so many voxels, (z, y, x)."""
    phase = torch.zeros((), device=device)
    for axis, (by, n) in enumerate(zip(voxels, shape, strict=True)):
        k = torch.fft.rfftfreq(n, device=device) if axis == 2 else torch.fft.fftfreq(n, device=device)
        phase = phase + (-2 * math.pi * by * k).view([-1 if a == axis else 1 for a in range(3)])
    return torch.polar(torch.ones_like(phase), phase)


def _frequency(shape: list[int], voxel_sizes: list[float], device: torch.device) -> Tensor:
    """The length of each coefficient's wave vector, 1/Å."""
    z = torch.fft.fftfreq(shape[0], voxel_sizes[0], device=device)[:, None, None]
    y = torch.fft.fftfreq(shape[1], voxel_sizes[1], device=device)[None, :, None]
    x = torch.fft.rfftfreq(shape[2], voxel_sizes[2], device=device)[None, None, :]
    frequency: Tensor = (z.square() + y.square() + x.square()).sqrt_()
    return frequency


def _gain(spectrum: Tensor, frequency: Tensor, canonical: Canonical) -> Tensor:
    """What brings each radial shell to the canonical amplitude; nothing where the volume has none of its own."""
    nyquist = 0.5 / canonical.voxel_size_angstrom
    shell = (frequency * (SHELLS / nyquist)).clamp_(max=SHELLS - 1)
    index = shell.round().long().view(-1)
    amplitude = torch.zeros(SHELLS, device=spectrum.device).index_add_(0, index, spectrum.abs().view(-1))
    count = torch.zeros(SHELLS, device=spectrum.device).index_add_(0, index, torch.ones_like(shell).view(-1))
    mean = amplitude / count.clamp_(min=1)
    mean = torch.where(count > 1, mean, mean.max())
    smooth = functional.avg_pool1d(
        functional.pad(mean.log().clamp_(min=-60)[None, None], (1, 1), mode="replicate"), 3, 1
    )
    smooth = smooth[0, 0]
    below = shell.floor().long().clamp_(max=SHELLS - 2)
    between = torch.lerp(smooth[below], smooth[below + 1], shell - below).exp_()
    silent = between < 1e-5 * smooth.max().exp()
    gain: Tensor = torch.where(silent | (frequency > nyquist), 0, canonical.amplitude(frequency) / between)
    return gain
