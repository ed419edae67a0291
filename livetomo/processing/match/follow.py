"""Follow a template's best orientations and places to the tops of their maxima, in steps that are halved."""

from dataclasses import dataclass

import torch
from torch import Tensor

from livetomo.processing.match.band import Band
from livetomo.processing.match.correlate import as_columns, move_spectra, template_spectra
from livetomo.processing.match.rotations import nearby_rotations
from livetomo.processing.match.template import Template

FOLLOWED = (4, 2, 1)
"""How many maxima of each candidate are followed in each round."""
_SHIFT_SHARES = (-0.5, 0.0, 0.5)


@dataclass(frozen=True, slots=True)
class Maxima:
    """Maxima of n candidates, h of each, the strongest first.

    crop: int64 (n, h), the crop around whose centre each lies, by its number. moved: (n, h, 3), Å along x, y, z from
    there. rotation: (n, h, 3, 3). score: (n, h).
    """

    crop: Tensor
    moved: Tensor
    rotation: Tensor
    score: Tensor

    def best(self, count: int) -> "Maxima":
        """The strongest of each candidate."""
        order = self.score.argsort(dim=1, descending=True, stable=True)[:, :count]
        row = torch.arange(len(order), device=order.device)[:, None]
        return Maxima(self.crop[row, order], self.moved[row, order], self.rotation[row, order], self.score[row, order])


def follow(crops: Tensor, start: Maxima, template: Template, band: Band, *, step_degrees: float) -> Maxima:
    """The top of the best maximum of each candidate, (n, 1).

    crops: complex64 (c, k), see `crop_spectra`. step: of the rotations that the maxima were chosen from.

    A round tries 27 rotations with 27 shifts around each maximum, at first half a step and half a voxel away; in the
    end the shift is that of a parabola's top.
    """
    now = start
    voxel = band.spacing_angstrom
    for number, count in enumerate(FOLLOWED):
        now = now.best(count)
        turns = torch.from_numpy(nearby_rotations(step_degrees / 2**number)).to(now.rotation)
        moves = _cube().to(now.moved) * torch.tensor(voxel[::-1]).to(now.moved) / 2**number
        now = _round(crops, now, turns, moves, template, band)
    beside = torch.cat([torch.zeros(1, 3), torch.eye(3), -torch.eye(3)]).to(now.moved)
    moves = beside * torch.tensor(voxel[::-1]).to(now.moved) / 2 ** len(FOLLOWED)
    return _at_the_top(crops, now.best(1), moves, template, band)


def _cube() -> Tensor:
    """Shares of a voxel (27, 3) by which maxima are moved, none first."""
    axis = torch.tensor(_SHIFT_SHARES)
    steps = torch.cartesian_prod(axis, axis, axis)
    return steps[steps.abs().sum(1).argsort(stable=True)]


def _round(crops: Tensor, now: Maxima, turns: Tensor, moves: Tensor, template: Template, band: Band) -> Maxima:
    """The best of each maximum's neighbours: all `turns` (r, 3, 3) with all `moves` (m, 3; Å, x, y, z)."""
    rotations = turns @ now.rotation[:, :, None]
    scores = _scores(crops, now, rotations, moves, template, band)
    value, best = scores.flatten(2).max(dim=2)
    turn, move = best // len(moves), best % len(moves)
    rotation = torch.take_along_dim(rotations, turn[:, :, None, None, None], 2)[:, :, 0]
    return Maxima(now.crop, now.moved + moves[move], rotation, value)


def _at_the_top(crops: Tensor, now: Maxima, moves: Tensor, template: Template, band: Band) -> Maxima:
    """Moved to the top of the parabola through the scores along each axis. moves: none, +x, +y, +z, -x, -y, -z."""
    scores = _scores(crops, now, now.rotation[:, :, None], moves, template, band)[:, :, 0]
    here, after, before = scores[..., :1], scores[..., 1:4], scores[..., 4:]
    bend = after - 2 * here + before
    share = torch.where(bend < 0, (before - after) / (2 * bend), 0).clamp(-1, 1)
    return Maxima(now.crop, now.moved + share * moves[1:4].diagonal(), now.rotation, now.score)


def _scores(crops: Tensor, now: Maxima, rotations: Tensor, moves: Tensor, template: Template, band: Band) -> Tensor:
    """(n, h, r, m): of each maximum with each of its `rotations` (n, h, r, 3, 3), moved by each of `moves` (m, 3)."""
    n, h, r = rotations.shape[:3]
    seen = move_spectra(crops[now.crop.flatten()], band, now.moved.flatten(0, 1))
    spectra = template_spectra(template, band, rotations.flatten(0, 2)).view(n * h, r, -1)
    products = (spectra.conj() * seen[:, None]).flatten(0, 1)
    # Moved, a product is multiplied by a phase. The real part of the sum is a scalar product of columns with the
    # phase's conjugate, that of the opposite move.
    phases = move_spectra(torch.ones(len(moves), len(band.at), device=crops.device), band, -moves)
    return (as_columns(products) @ as_columns(phases).T).view(n, h, r, len(moves))
