"""What particles look like: densities that can be drawn in any pose at any voxel size."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from livetomo.simulate.truth import Floats

Matrix = npt.NDArray[np.float64]

PIXEL_WIDENING = 0.42
"""A voxel averages over its extent and no reconstruction reaches Nyquist; as a Gaussian, in voxels."""


class Shape(Protocol):
    """A particle's density, about 1 inside and 0 in the solvent."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def diameter_angstrom(self) -> float:
        """Of the sphere that holds it."""

    def draw(self, rotation: Matrix, voxel_size_angstrom: float, offset: Matrix) -> Floats:
        """The density in a cube of odd side (z, y, x).

        rotation: takes the reference (x, y, z) to the pose.
        offset: of the particle's centre from the cube's central voxel, in voxels (z, y, x).
        """


def cube_radius(diameter_angstrom: float, voxel_size_angstrom: float) -> int:
    """Half the side, without the centre, of the cube that a particle of this diameter is drawn in."""
    return int(np.ceil(0.5 * diameter_angstrom / voxel_size_angstrom)) + 2


@dataclass(frozen=True, slots=True)
class Balls:
    """A density made of Gaussian balls: exact in every pose, without interpolation.

    centres: (n, 3), Å, (x, y, z) from the particle's centre. sigmas: (n,), Å. weights: (n,), density in the middle.
    """

    name: str
    diameter_angstrom: float
    centres: Matrix
    sigmas: Matrix
    weights: Matrix

    def draw(self, rotation: Matrix, voxel_size_angstrom: float, offset: Matrix) -> Floats:
        """See `Shape`."""
        radius = cube_radius(self.diameter_angstrom, voxel_size_angstrom)
        axis = np.arange(-radius, radius + 1)
        centres = (self.centres @ rotation.T)[:, ::-1] / voxel_size_angstrom + offset
        sigmas = np.hypot(self.sigmas / voxel_size_angstrom, PIXEL_WIDENING)
        weights = self.weights * (self.sigmas / voxel_size_angstrom / sigmas) ** 3
        rows = np.exp(-(((axis - centres[:, :, None]) / sigmas[:, None, None]) ** 2) / 2).astype(np.float32)
        side = len(axis)
        planes = (rows[:, 0, :, None] * (weights.astype(np.float32)[:, None] * rows[:, 1])[:, None, :]).reshape(
            -1, side**2
        )
        cube: Floats = (planes.T @ rows[:, 2]).reshape(side, side, side)
        return cube


def packed_balls(name: str, centres: Matrix, sigmas: Matrix, volume_angstrom3: float) -> Balls:
    """Balls whose mass is that of `volume_angstrom3` at density 1."""
    centres = centres - np.average(centres, axis=0, weights=sigmas**3)
    masses = (2 * np.pi) ** 1.5 * sigmas**3
    reach = np.linalg.norm(centres, axis=1) + 1.5 * sigmas
    weights = np.full(len(sigmas), volume_angstrom3 / masses.sum())
    return Balls(name, float(2 * reach.max()), centres, sigmas, weights)


def _in_ellipsoid(rng: np.random.Generator, count: int, radii: tuple[float, float, float]) -> Matrix:
    directions = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points: Matrix = directions * rng.random((count, 1)) ** (1 / 3) * np.asarray(radii)
    return points


def ribosome_like() -> Balls:
    """A ribosome's look without its map: two unequal lobes with a cleft between them and a stalk, about 250 Å."""
    rng = np.random.default_rng(70)
    large = _in_ellipsoid(rng, 130, (96.0, 82.0, 70.0))
    large = large[large[:, 2] > -46] + np.array([0.0, 0.0, 26.0])
    small = _in_ellipsoid(rng, 55, (88.0, 42.0, 36.0)) + np.array([6.0, 0.0, -68.0])
    head = _in_ellipsoid(rng, 14, (26.0, 26.0, 24.0)) + np.array([74.0, 8.0, -46.0])
    stalk = np.stack([np.linspace(88, 122, 5), np.linspace(30, 52, 5), np.linspace(40, 62, 5)], axis=1)
    centres = np.concatenate([large, small, head, stalk])
    sigmas = rng.uniform(13.0, 19.0, len(centres))
    return packed_balls("ribosome", centres, sigmas, 3.4e6)


def random_protein(rng: np.random.Generator, diameter_angstrom: float, name: str = "protein") -> Balls:
    """Some other particle: a lumpy ellipsoid, one in four hollow."""
    radii = diameter_angstrom / 2 * rng.uniform(0.45, 1.0, 3)
    count = int(rng.integers(10, 36))
    points = _in_ellipsoid(rng, count, (1.0, 1.0, 1.0))
    if rng.random() < 0.25:
        points *= (0.75 / np.maximum(np.linalg.norm(points, axis=1), 1e-3))[:, None]
    sigmas = diameter_angstrom * rng.uniform(0.07, 0.13, count)
    volume = 4 / 3 * np.pi * float(np.prod(radii)) * rng.uniform(0.5, 0.9)
    return packed_balls(name, points * radii * 0.85, sigmas, volume)
