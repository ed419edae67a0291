"""Locally normalised correlation of many crops with many rotations of a template, as matrix products.

The score of a place and a rotation is the correlation coefficient of Roseman (2003, Ultramicroscopy 94, 225): within
the mask around the place the volume has mean 0 and norm 1, and so has the template, of which only what the volume can
hold is compared: frequencies up to the low-pass, in the filled wedge, with the volume's own whitening. By Parseval's
theorem the sum over voxels is one over these coefficients, which are fewer.
"""

import itertools
from collections.abc import Iterator

import torch
from torch import Tensor

from livetomo.processing.match.band import Band, FilteredVolume
from livetomo.processing.match.template import Template

BLOCK_BYTES = 64 * 2**20
"""What the largest arrays of one block of candidates or rotations may take."""


def shifts_within(reach: tuple[float, float, float], device: torch.device) -> Tensor:
    """Whole shifts (s, 3) along z, y, x within an ellipsoid of these half axes, in voxels; none comes first."""
    steps = [range(-int(r), int(r) + 1) for r in reach]
    inside = [
        shift
        for shift in itertools.product(*steps)
        if sum((s / r) ** 2 for s, r in zip(shift, reach, strict=True) if s) <= 1
    ]
    return torch.tensor(sorted(inside, key=lambda shift: sum(s * s for s in shift)), device=device)


def crop_spectra(source: FilteredVolume, band: Band, places: Tensor) -> Tensor:
    """The coefficients (n, k), complex64, of crops around voxels `places` (n, 3; z, y, x), normalised in the mask.

    Beyond the volume's faces it is 0, its mean. A crop that is the same everywhere has the coefficients 0.
    """
    half = band.side // 2
    reach = torch.arange(-half, half + 1, device=places.device)
    crops = torch.ones(len(places), 1, 1, 1, device=places.device)
    at = []
    for axis, extent in enumerate(source.volume.shape):
        along = places[:, axis, None] + reach
        shape = [len(places), *(-1 if axis == other else 1 for other in range(3))]
        crops = crops * ((along >= 0) & (along < extent)).view(shape)
        at.append(along.clamp(0, extent - 1).view(shape))
    crops *= source.volume[at[0], at[1], at[2]]
    crops = (crops - (crops * band.mask).sum((1, 2, 3), keepdim=True) / band.mask.sum()) * band.mask
    norms = crops.square().sum((1, 2, 3)).sqrt()
    centred = torch.fft.ifftshift(crops, dim=(1, 2, 3))
    spectra: Tensor = torch.fft.rfftn(centred, dim=(1, 2, 3), norm="ortho").flatten(1)[:, band.at] * band.weight
    normalised: Tensor = spectra * torch.where(norms > _silent(source), 1 / norms, 0)[:, None]
    return normalised


def _silent(source: FilteredVolume) -> float:
    """The norm under which a crop holds nothing but rounding."""
    return 1e-4 * float(source.volume.square().mean().sqrt()) + 1e-30


def template_spectra(template: Template, band: Band, rotations: Tensor) -> Tensor:
    """The coefficients (n, k), complex64, of the template turned by `rotations` (n, 3, 3), of norm 1."""
    spectra = template.spectra(rotations, band.frequencies) * (band.weight * band.gain)
    norms = as_columns(spectra).square().sum(1, keepdim=True).sqrt_()
    return spectra.div_(norms.clamp_(min=1e-30))


def as_columns(spectra: Tensor) -> Tensor:
    """Complex (n, k) as real (n, 2 k): the real part of a scalar product is the scalar product of these."""
    return torch.view_as_real(spectra).flatten(1)


def template_bank(template: Template, band: Band, rotations: Tensor) -> Tensor:
    """Float32 (n, 2 k), the coefficients of every rotation as columns of numbers; made block by block."""
    blocks = in_blocks(len(rotations), 32 * len(band.at))
    return torch.cat([as_columns(template_spectra(template, band, rotations[block])) for block in blocks])


def correlations(crops: Tensor, bank: Tensor, shifts: int) -> tuple[Tensor, Tensor]:
    """The best over the shifts, for each candidate and rotation: scores (n, r), and the shift's number (n, r).

    crops: (n * shifts, k), see `crop_spectra`. bank: (r, 2 k), see `template_bank`.
    """
    scores = as_columns(crops) @ bank.T
    best = scores.view(-1, shifts, len(bank)).max(dim=1)
    return best.values, best.indices


def in_blocks(count: int, bytes_each: int) -> Iterator[slice]:
    """Slices of 0 to `count`, each of what fits into `BLOCK_BYTES`; at least one at a time."""
    size = max(1, BLOCK_BYTES // max(1, bytes_each))
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def strongest_apart(scores: Tensor, overlaps: Tensor, count: int) -> Tensor:
    """Of each row of `scores` (n, r) the `count` best columns, none of which overlaps a better one: int64 (n, count).

    overlaps: bool (r, r), which rotations are so near that they are one maximum. Where fewer are left, the first
    column is said again.
    """
    left = scores.clone()
    found: list[Tensor] = []
    for _ in range(count):
        value, best = left.max(dim=1)
        found.append(torch.where(value > -torch.inf, best, found[0] if found else best))
        left.masked_fill_(overlaps[best], -torch.inf)
    return torch.stack(found, dim=1)


def move_spectra(spectra: Tensor, band: Band, by_angstrom: Tensor) -> Tensor:
    """Coefficients (n, k) of what lies `by` (n, 3; x, y, z) from the crops' centres, as if it lay in them."""
    phase = 2 * torch.pi * (by_angstrom @ band.frequencies.T)
    return spectra * torch.polar(torch.ones_like(phase), phase)
