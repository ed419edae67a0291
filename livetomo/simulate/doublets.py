"""Doublet microtubules, as in cilia: a whole tubule and an open one that shares its wall."""

from dataclasses import dataclass

import numpy as np

from livetomo.simulate.filaments import MONOMER_ANGSTROM
from livetomo.simulate.paths import along
from livetomo.simulate.shapes import Matrix

A_PROTOFILAMENTS, A_RADIUS_ANGSTROM = 13, 103.0
B_PROTOFILAMENTS, B_RADIUS_ANGSTROM, B_AWAY_ANGSTROM = 10, 115.0, 170.0
B_ARC_DEGREES = 143.7
"""Half of the open tubule's arc, from where the two circles cross: ten protofilaments then are 52 Å apart."""


@dataclass(frozen=True, slots=True)
class Doublet:
    """13 and 10 straight protofilaments; see `Polymer`."""

    feature: str = "microtubule"
    sigma_angstrom: float = 17.0
    label_radius_angstrom: float = 135.0
    persistence_angstrom: float = 5e6

    def axes(self, path: Matrix, spacing_angstrom: float) -> Matrix:
        """See `Polymer`: those of both tubules. The open one lies along the frame's first direction."""
        points, _, across, _ = along(path, spacing_angstrom)
        return np.concatenate([points, points + B_AWAY_ANGSTROM * across])

    def subunits(self, path: Matrix, phase: float) -> Matrix:
        """See `Polymer`. `phase` shifts the monomers along the axis."""
        points, tangents, across, other = along(path, MONOMER_ANGSTROM)
        strands = []
        for number, (u, v) in enumerate(_protofilaments()):
            stagger = (MONOMER_ANGSTROM * 3 / A_PROTOFILAMENTS * number + phase) % MONOMER_ANGSTROM
            strands.append(points + u * across + v * other + stagger * tangents)
        return np.concatenate(strands)


def _protofilaments() -> Matrix:
    """Where they lie across the axis (n, 2), Å from the whole tubule's middle."""
    whole = 2 * np.pi * np.arange(A_PROTOFILAMENTS) / A_PROTOFILAMENTS
    arc = np.deg2rad(np.linspace(-B_ARC_DEGREES, B_ARC_DEGREES, B_PROTOFILAMENTS + 2)[1:-1])
    first = A_RADIUS_ANGSTROM * np.stack([np.cos(whole), np.sin(whole)], axis=1)
    second = B_RADIUS_ANGSTROM * np.stack([np.cos(arc), np.sin(arc)], axis=1) + (B_AWAY_ANGSTROM, 0.0)
    both: Matrix = np.concatenate([first, second])
    return both
