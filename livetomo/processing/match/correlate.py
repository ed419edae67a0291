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
from torch.nn import functional

from livetomo.processing.match.band import Band, FilteredVolume
from livetomo.processing.match.template import Template

BLOCK_BYTES = 128 * 2**20
"""What the largest arrays of one block of candidates or rotations may take."""


def shifts_within(reach: tuple[float, float, float], device: torch.device) -> Tensor:
    """Whole shifts (s, 3) along z, y, x within an ellipsoid of these half axes, in voxels; none comes first.

    Every other one, as the fields of a chessboard: each of the others is beside one of these.
    """
    steps = [range(-int(r), int(r) + 1) for r in reach]
    inside = [
        shift
        for shift in itertools.product(*steps)
        if sum(shift) % 2 == 0 and sum((s / r) ** 2 for s, r in zip(shift, reach, strict=True) if s) <= 1
    ]
    return torch.tensor(sorted(inside, key=lambda shift: sum(s * s for s in shift)), device=device)


def crop_spectra(source: FilteredVolume, band: Band, places: Tensor) -> Tensor:
    """The coefficients (n, k), complex64, of crops around voxels `places` (n, 3; z, y, x), normalised in the mask.

    A crop that is the same everywhere has the coefficients 0.
    """
    spectra, norms = _masked_spectra(source, band, places)
    normalised: Tensor = spectra * torch.where(norms > silence(source), 1 / norms, 0)[:, None]
    return normalised


def _masked_spectra(source: FilteredVolume, band: Band, places: Tensor) -> tuple[Tensor, Tensor]:
    """The coefficients (n, k) of crops with mean 0 in the mask, and the crops' norms (n,).

    Beyond the volume's faces it is 0, its mean.
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
    centred = torch.fft.ifftshift(crops, dim=(1, 2, 3))
    spectra = torch.fft.rfftn(centred, dim=(1, 2, 3), norm="ortho").flatten(1)[:, band.at] * band.weight
    return spectra, crops.square().sum((1, 2, 3)).sqrt()


def local_norms(source: FilteredVolume, mask: Tensor) -> Tensor:
    """Of every voxel (z, y, x), the norm of the crop around it with mean 0 in the mask; infinite where that is silent.

    By convolutions of the volume and of its square, as Roseman has them.
    """
    half = mask.shape[0] // 2
    padded = functional.pad(source.volume, [half] * 6)
    size = padded.shape

    def around(values: Tensor, weights: Tensor) -> Tensor:
        kernel = torch.fft.rfftn(weights, s=size).conj()
        summed: Tensor = torch.fft.irfftn(torch.fft.rfftn(values) * kernel, s=size)
        return summed[tuple(slice(0, extent) for extent in source.volume.shape)]

    mean = around(padded, mask) / mask.sum()
    squares = around(padded.square(), mask.square()) - 2 * mean * around(padded, mask.square())
    squares += mean.square() * mask.square().sum()
    norms = squares.clamp_(min=0).sqrt_()
    return norms.masked_fill_(norms <= silence(source), torch.inf)


def silence(source: FilteredVolume) -> float:
    """The norm up to which a crop holds nothing but rounding."""
    return 3e-2 * float(source.volume.square().mean().sqrt()) + 1e-30


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


def phases_of(shifts: Tensor, source: FilteredVolume, band: Band) -> Tensor:
    """What coefficients (k,) are multiplied by where a crop is moved by each of `shifts` (s, 3; voxels): (s, k)."""
    angstrom = (shifts * torch.tensor(source.spacing_angstrom, device=shifts.device)).flip(1)
    return move_spectra(torch.ones(len(shifts), len(band.at), device=shifts.device), band, angstrom)


def shifted_spectra(
    source: FilteredVolume, wide: Band, places: Tensor, shifts: Tensor, phases: Tensor, norms: Tensor
) -> Tensor:
    """Coefficients (n, s, k), complex64, of crops around `places`, moved by each of `shifts` (s, 3), normalised there.

    wide: of crops that hold the template's sphere at every shift. phases, norms: see `phases_of`, `local_norms`.

    The product with a template's coefficients is the score at each shift but for what of the template lies outside of
    the mask, where the wedge spreads it: good enough to choose where to look more closely.
    """
    spectra, _ = _masked_spectra(source, wide, places)
    limits = torch.tensor(source.volume.shape, device=places.device) - 1
    z, y, x = (places[:, None] + shifts).clamp(min=0).minimum(limits).unbind(-1)
    return spectra[:, None] * phases / norms[z, y, x][..., None]


def correlations(crops: Tensor, bank: Tensor) -> tuple[Tensor, Tensor]:
    """The best over the shifts, for each candidate and rotation: scores (n, r), and the shift's number (n, r).

    crops: (n, s, k), see `shifted_spectra`. bank: (r, 2 k), see `template_bank`.
    """
    scores = as_columns(crops.flatten(0, 1)) @ bank.T
    best = scores.view(len(crops), -1, len(bank)).max(dim=1)
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
