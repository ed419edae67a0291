"""Particles put where they fit."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from livetomo.simulate.canvas import BODY, Canvas, DrawnParticle
from livetomo.simulate.shapes import Matrix, Shape

TRIES_PER_PARTICLE = 25
BOUND_ANGSTROM = (0.52, 0.68)
"""How far from a membrane's middle a bound particle's centre lies, in diameters."""


@dataclass(frozen=True, slots=True)
class Population:
    """Particles of one shape.

    name: what the truth calls them; None for the crowd around them.
    clustered: share that is put right beside another of the same; bound: share that is put on a membrane.
    """

    shape: Shape
    count: int
    name: str | None = None
    contrast: float = 1.0
    clustered: float = 0.0
    bound: float = 0.0
    overlap: float = 0.06

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Put as many as fit, up to `count`: whole within the slab and the volume, apart from what is there."""
        voxel = canvas.voxel_size_angstrom
        radius = self.shape.diameter_angstrom / 2
        low = np.minimum(radius / voxel, (np.array(canvas.shape) - 1) / 2)
        high = np.array(canvas.shape) - 1 - low
        sites = _membrane_sites(canvas, self.shape.diameter_angstrom) if self.bound else None
        mine: list[Matrix] = []
        for _ in range(self.count * TRIES_PER_PARTICLE):
            if len(mine) == self.count:
                return
            lot = rng.random()
            if sites is not None and lot < self.bound and len(sites):
                position = sites[rng.integers(len(sites))] + rng.uniform(-0.5, 0.5, 3)
            elif mine and lot < self.bound + self.clustered:
                step = rng.normal(size=3)
                away = self.shape.diameter_angstrom * rng.uniform(0.75, 1.1) / voxel
                position = mine[rng.integers(len(mine))] + step / np.linalg.norm(step) * away
            else:
                position = rng.uniform(low, high)
            if (position < low).any() or (position > high).any():
                continue
            z, y, x = (int(i) for i in np.rint(position))
            if canvas.depth[z, y, x] > -0.8 * radius or canvas.taken[z, y, x]:
                continue
            rotation = Rotation.random(rng=rng)
            cube = self.shape.draw(rotation.as_matrix(), voxel, position - (z, y, x))
            volume = float(np.count_nonzero(cube > BODY)) * voxel**3
            # RELION's angles turn the axes, not the particle: as a rotation of the particle they are the inverse.
            placed = DrawnParticle(position, volume, rotation.inv().as_euler("ZYZ", degrees=True))
            if canvas.try_particle(np.float32(self.contrast) * cube, (z, y, x), placed, self.name, self.overlap):
                mine.append(position)


def _membrane_sites(canvas: Canvas, diameter_angstrom: float) -> Matrix:
    """Voxels (n, 3; z, y, x) from which a particle of this diameter touches a membrane."""
    distance = canvas.from_membrane() + np.float32(30.0)  # from its edge; its middle is about so much further
    low, high = (share * diameter_angstrom for share in BOUND_ANGSTROM)
    sites: Matrix = np.argwhere((distance > low) & (distance < high + canvas.voxel_size_angstrom)).astype(np.float64)
    return sites
