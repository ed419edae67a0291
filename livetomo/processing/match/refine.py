"""From candidates to matches: where in a volume, in which orientation and how well a template lies."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from livetomo.processing.match.band import Band, FilledWedge, FilteredVolume, band
from livetomo.processing.match.correlate import (
    correlations,
    crop_spectra,
    in_blocks,
    local_norms,
    phases_of,
    shifted_spectra,
    shifts_within,
    strongest_apart,
    template_bank,
)
from livetomo.processing.match.follow import FOLLOWED, Maxima, follow
from livetomo.processing.match.rotations import Matrices, rotation_grid
from livetomo.processing.match.template import Template

_MASK_DIAMETERS = 1.1
_FIRST_DETAILS = 8.0
"""How many details across the particle are compared at first."""
_CROWTHER_ANGLES = 1.6
_COARSEST_STEP_DEGREES = 30.0
_APART_STEPS = 1.5


@dataclass(frozen=True, slots=True)
class Matches:
    """How a template fits candidates best, in the candidates' order.

    position: float32 (n, 3), voxel index (z, y, x) in the tomogram. rotation: (n, 3, 3), see `rotations.py`.
    score: float32 (n,), the correlation coefficient, -1..1.
    """

    position: npt.NDArray[np.float32]
    rotation: Matrices
    score: npt.NDArray[np.float32]


def step_degrees(low_pass_angstrom: float, diameter_angstrom: float) -> float:
    """How far apart the rotations are that are tried first.

    By Crowther's criterion (Crowther, DeRosier & Klug 1970, Proc. R. Soc. A 317, 319) all that a low-passed template
    shows is seen at angles of low-pass / radius. Fewer find the same maxima, which are followed to their tops: with
    steps of 0.9, 1.2 and 1.8 of that angle the errors on simulated tomograms were the same.
    """
    angle = math.degrees(2 * low_pass_angstrom / diameter_angstrom)
    return min(_CROWTHER_ANGLES * angle, _COARSEST_STEP_DEGREES)


def match(
    source: FilteredVolume,
    candidates: npt.NDArray[np.float32],
    template: Template,
    *,
    wedge: FilledWedge | None,
    reach_angstrom: float,
) -> Matches:
    """The best position, orientation and score of each candidate (n, 3; voxel index z, y, x in the tomogram).

    wedge: the filled angles; None where all are. reach: how far from a candidate the particle's centre is looked for.

    Rotations a step apart are tried at shifts by whole voxels of the filtered volume, in coarse detail; the best few
    are followed to their tops in all detail.
    """
    device = source.volume.device
    mask_angstrom = _MASK_DIAMETERS * template.diameter_angstrom
    compared = band(source, diameter_angstrom=mask_angstrom, wedge=wedge)
    low_pass = max(source.low_pass_angstrom, template.diameter_angstrom / _FIRST_DETAILS)
    wide = band(source, diameter_angstrom=mask_angstrom + 2 * reach_angstrom, wedge=wedge, low_pass_angstrom=low_pass)
    step = step_degrees(low_pass, template.diameter_angstrom)
    grid = torch.from_numpy(rotation_grid(step, template.operations)).float().to(device)
    bank = template_bank(template, wide, grid)
    norms = local_norms(source, compared.mask)
    overlaps = _overlaps(grid, step, template.operations)
    shifts = shifts_within(source.voxels(reach_angstrom), device)
    phases = phases_of(shifts, source, wide)
    scale = torch.tensor(source.scale, device=device)
    nearest = (torch.from_numpy(np.asarray(candidates, np.float32)).to(device) * scale).round().long()
    position, rotation, score = [torch.zeros(0, 3)], [torch.zeros(0, 3, 3)], [torch.zeros(0)]
    for block in in_blocks(len(nearest), _bytes_each(wide, compared, len(shifts), len(grid))):
        scores, shift = correlations(shifted_spectra(source, wide, nearest[block], shifts, phases, norms), bank)
        best = strongest_apart(scores, overlaps, FOLLOWED[0])
        places = (nearest[block, None] + shifts[shift.gather(1, best)]).flatten(0, 1)
        crops = crop_spectra(source, compared, places)
        start = _maxima(scores.gather(1, best), grid[best])
        tops = follow(crops, start, template, compared, step_degrees=step)
        moved = tops.moved[:, 0].flip(1) / torch.tensor(source.spacing_angstrom, device=device)
        position.append(((places[tops.crop[:, 0]] + moved) / scale).cpu())
        rotation.append(tops.rotation[:, 0].cpu())
        score.append(tops.score[:, 0].cpu())
    return Matches(
        torch.cat(position).numpy().astype(np.float32),
        torch.cat(rotation).numpy().astype(np.float64),
        torch.cat(score).numpy().astype(np.float32),
    )


def _maxima(scores: Tensor, rotations: Tensor) -> Maxima:
    """Of scores (n, h) and rotations, each in the middle of a crop of its own."""
    crop = torch.arange(scores.numel(), device=scores.device).view(scores.shape)
    return Maxima(crop, torch.zeros(*scores.shape, 3, device=scores.device), rotations, scores)


def _overlaps(grid: Tensor, step: float, operations: Matrices) -> Tensor:
    """Bool (r, r): which rotations are neighbours, modulo the symmetry."""
    least = 1 + 2 * math.cos(math.radians(_APART_STEPS * step))
    near = torch.zeros(len(grid), len(grid), dtype=torch.bool, device=grid.device)
    for operation in torch.from_numpy(operations).to(grid):
        near |= (grid @ operation).flatten(1) @ grid.flatten(1).T >= least
    return near


def _bytes_each(wide: Band, compared: Band, shifts: int, rotations: int) -> int:
    """What one candidate takes: its crop and that at every shift, and their scores, or its maxima's templates."""
    first = 24 * wide.side**3 + shifts * (32 * len(wide.at) + 4 * rotations)
    return max(first, FOLLOWED[0] * 27 * 32 * len(compared.at))
