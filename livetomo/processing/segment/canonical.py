"""Bring a tomogram to the voxel size and the spectrum that a network was trained on.

Microscopes, reconstruction programs and filters give the same specimen very different spectra. A network that has seen
only one of them would take the filter for the specimen; so the amplitudes of every volume, in training and after it,
are brought to the same radial spectrum first.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from livetomo.config.model_card import Canonical
from livetomo.processing.blank import on_grid
from livetomo.processing.normalise import clip_, typical

SHELLS = 40
MARGIN_VOXELS = 6
FURTHER_VOXELS = 24


def canonical_amplitude(canonical: Canonical, frequency: Tensor) -> Tensor:
    """The amplitudes that a network is used to at these spatial frequencies, 1/Å."""
    rise = 1 - torch.exp(-((canonical.high_pass_angstrom * frequency) ** 2))
    fall = 1 / (1 + (canonical.fall_angstrom * frequency) ** 2)
    return rise * fall * torch.exp(-((canonical.low_pass_angstrom * frequency) ** 2) / 2)


def canonical_shape(shape: Sequence[int], voxel_size_angstrom: float, canonical: Canonical) -> tuple[int, int, int]:
    """The extents of a volume at the canonical voxel size; never less than a few voxels."""
    z, y, x = (max(8, round(n * voxel_size_angstrom / canonical.voxel_size_angstrom)) for n in shape)
    return z, y, x


def to_canonical(
    density: Tensor, *, voxel_size_angstrom: float, canonical: Canonical, blank: Tensor | None = None
) -> Tensor:
    """The volume at the canonical voxel size with the canonical spectrum, normalised and clipped; a new tensor.

    density: normalised and clipped, matter positive, (z, y, x). blank: bool, voxels that hold nothing, where it is 0.

    The first voxels of both volumes lie on each other; index i of the input is i * n_out / n_in along each axis, whose
    extents are those of `canonical_shape`. Faces are mirrored outwards while it is computed: a face is not an edge.
    """
    shape = canonical_shape(density.shape, voxel_size_angstrom, canonical)
    around = [margins(n, m) for n, m in zip(density.shape, shape, strict=True)]
    sides = [side for both in reversed(around) for side in both]
    padded = functional.pad(density[None, None].float(), sides, mode="reflect")[0, 0]
    scale = [m / n for n, m in zip(density.shape, shape, strict=True)]
    wanted = [max(2, round(extent * s)) for extent, s in zip(padded.shape, scale, strict=True)]
    spectrum = _resized(torch.fft.rfftn(padded), padded.shape, wanted)
    del padded
    _shift_(spectrum, [-near * s for (near, _), s in zip(around, scale, strict=True)], wanted)
    _equalise_(spectrum, wanted, [voxel_size_angstrom / s for s in scale], canonical)
    out = torch.fft.irfftn(spectrum, s=wanted)[: shape[0], : shape[1], : shape[2]].contiguous()
    del spectrum
    centre, deviation = typical(out, None if blank is None else on_grid(blank, shape))
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


def margins(extent: int, wanted: int) -> tuple[int, int]:
    """Voxels to be mirrored before and behind; behind so many that the whole has nearly a whole number of new voxels.

    Where it is rounded, voxels lie beside where they are said to be, the more so the further they are from the first.
    """
    near = min(math.ceil(MARGIN_VOXELS * max(1.0, extent / wanted)), extent - 1)

    def rounded(far: int) -> float:
        voxels = (extent + near + far) * wanted / extent
        return abs(voxels - round(voxels))

    return near, min(range(near, min(near + FURTHER_VOXELS, extent - 1) + 1), key=rounded)


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


def _shift_(spectrum: Tensor, voxels: list[float], shape: list[int]) -> None:
    """Move the volume of this spectrum by so many voxels, (z, y, x), in place."""
    for axis, (by, n) in enumerate(zip(voxels, shape, strict=True)):
        k = torch.fft.rfftfreq(n) if axis == 2 else torch.fft.fftfreq(n)
        phase = (-2 * math.pi * by * k.to(spectrum.device)).view([-1 if a == axis else 1 for a in range(3)])
        spectrum.mul_(torch.polar(torch.ones_like(phase), phase))


def frequencies(shape: Sequence[int], voxel_sizes: Sequence[float], device: torch.device) -> Iterator[Tensor]:
    """The length of each coefficient's wave vector, 1/Å, one z plane after the other: all at once would cost memory."""
    y = torch.fft.fftfreq(shape[1], voxel_sizes[1], device=device).square_()[:, None]
    x = torch.fft.rfftfreq(shape[2], voxel_sizes[2], device=device).square_()[None, :]
    for z in torch.fft.fftfreq(shape[0], voxel_sizes[0]).square_().tolist():
        yield (y + x).add_(z).sqrt_()


def _equalise_(spectrum: Tensor, shape: list[int], voxel_sizes: list[float], canonical: Canonical) -> None:
    """Bring each radial shell to the canonical amplitude, in place; where the volume has nothing, nothing stays."""
    device = spectrum.device
    nyquist = 0.5 / canonical.voxel_size_angstrom
    amplitude, count = torch.zeros(SHELLS, device=device), torch.zeros(SHELLS, device=device)
    for plane, frequency in zip(spectrum, frequencies(shape, voxel_sizes, device), strict=True):
        index = (frequency * (SHELLS / nyquist)).clamp_(max=SHELLS - 1).round_().long().view(-1)
        amplitude.index_add_(0, index, plane.abs().view(-1))
        count.index_add_(0, index, torch.ones_like(frequency).view(-1))
    mean = amplitude / count.clamp_(min=1)
    mean = torch.where(count > 1, mean, mean.max())
    # In logarithms: spectra fall by orders of magnitude from one shell to the next.
    logs = mean.log().clamp_(min=-60)
    smooth = functional.avg_pool1d(functional.pad(logs[None, None], (1, 1), mode="replicate"), 3, 1)[0, 0]
    silent = float(smooth.max()) + math.log(1e-5)
    for plane, frequency in zip(spectrum, frequencies(shape, voxel_sizes, device), strict=True):
        shell = (frequency * (SHELLS / nyquist)).clamp_(max=SHELLS - 1)
        below = shell.floor().long().clamp_(max=SHELLS - 2)
        own = torch.lerp(smooth[below], smooth[below + 1], shell - below)
        gain = canonical_amplitude(canonical, frequency) / own.exp()
        plane.mul_(gain.masked_fill_((own < silent) | (frequency > nyquist), 0))
