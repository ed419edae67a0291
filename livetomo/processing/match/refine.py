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
    shifts_within,
    strongest_apart,
    template_bank,
)
from livetomo.processing.match.follow import FOLLOWED, Maxima, follow
from livetomo.processing.match.rotations import Matrices, rotation_grid, symmetry_operations
from livetomo.processing.match.template import Template

_MASK_DIAMETERS = 1.1
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

    All rotations a step apart are tried at all shifts by whole voxels of the filtered volume; the best few are
    followed to their tops.
    """
    device = source.volume.device
    compared = band(source, diameter_angstrom=_MASK_DIAMETERS * template.diameter_angstrom, wedge=wedge)
    step = step_degrees(source.low_pass_angstrom, template.diameter_angstrom)
    grid = torch.from_numpy(rotation_grid(step, template.symmetry)).float().to(device)
    bank = template_bank(template, compared, grid)
    overlaps = _overlaps(grid, step, template.symmetry)
    shifts = shifts_within(source.voxels(reach_angstrom), device)
    scale = torch.tensor(source.scale, device=device)
    nearest = (torch.from_numpy(np.asarray(candidates, np.float32)).to(device) * scale).round().long()
    position, rotation, score = [torch.zeros(0, 3)], [torch.zeros(0, 3, 3)], [torch.zeros(0)]
    for block in in_blocks(len(nearest), _bytes_each(compared, len(shifts), len(grid))):
        places = (nearest[block, None] + shifts).flatten(0, 1)
        crops = crop_spectra(source, compared, places)
        tops = follow(crops, _first(crops, bank, grid, overlaps, len(shifts)), template, compared, step_degrees=step)
        moved = tops.moved[:, 0].flip(1) / torch.tensor(source.spacing_angstrom, device=device)
        position.append(((places[tops.crop[:, 0]] + moved) / scale).cpu())
        rotation.append(tops.rotation[:, 0].cpu())
        score.append(tops.score[:, 0].cpu())
    return Matches(
        torch.cat(position).numpy().astype(np.float32),
        torch.cat(rotation).numpy().astype(np.float64),
        torch.cat(score).numpy().astype(np.float32),
    )


def _first(crops: Tensor, bank: Tensor, grid: Tensor, overlaps: Tensor, shifts: int) -> Maxima:
    """The maxima of each candidate, over all rotations and whole shifts, that are to be followed."""
    scores, shift = correlations(crops, bank, shifts)
    best = strongest_apart(scores, overlaps, FOLLOWED[0])
    first_crop = torch.arange(len(best), device=best.device)[:, None] * shifts
    nowhere = torch.zeros(*best.shape, 3, device=best.device)
    return Maxima(first_crop + shift.gather(1, best), nowhere, grid[best], scores.gather(1, best))


def _overlaps(grid: Tensor, step: float, symmetry: str) -> Tensor:
    """Bool (r, r): which rotations are neighbours, modulo the symmetry."""
    least = 1 + 2 * math.cos(math.radians(_APART_STEPS * step))
    near = torch.zeros(len(grid), len(grid), dtype=torch.bool, device=grid.device)
    for operation in torch.from_numpy(symmetry_operations(symmetry)).to(grid):
        near |= (grid @ operation).flatten(1) @ grid.flatten(1).T >= least
    return near


def _bytes_each(compared: Band, shifts: int, rotations: int) -> int:
    """What one candidate takes: its crops and their scores, or its maxima's templates."""
    first = shifts * (16 * compared.side**3 + 4 * rotations)
    return max(first, FOLLOWED[0] * 27 * 32 * len(compared.at))
