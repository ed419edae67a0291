"""Where membranes run: surfaces that know how far from them a point is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.spatial import cKDTree

from livetomo.simulate.shapes import Matrix
from livetomo.simulate.truth import Floats


class Surface(Protocol):
    """Where a membrane runs. `centre` (Å; z, y, x) and `reach_angstrom`: of a ball that holds it."""

    @property
    def centre(self) -> Matrix:
        """The middle of the ball."""

    @property
    def reach_angstrom(self) -> float:
        """The radius of the ball; infinite for what crosses the whole volume."""

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """Å from the surface, negative inside, good near the surface; the positions (Å) broadcast to the result."""


@dataclass(frozen=True, slots=True)
class Ellipsoid:
    """A closed, slightly dented ellipsoid: a vesicle, an organelle.

    centre, radii: Å, (z, y, x). rotation: takes its own axes to the volume's, in (z, y, x). dents: (n, 4), rows of a
    direction (z, y, x) and a phase; `depth` is what they add up to, as a share of the radius.
    """

    centre: Matrix
    radii: Matrix
    rotation: Matrix
    dents: Matrix
    depth: float = 0.05

    @property
    def reach_angstrom(self) -> float:
        """See `Surface`."""
        return float(self.radii.max()) * (1 + self.depth)

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """See `Surface`. To first order: level over slope."""
        radii = self.radii.astype(np.float32)
        own = [along / radius for along, radius in zip(_along(self, z, y, x), radii, strict=True)]
        level = np.sqrt(own[0] ** 2 + own[1] ** 2 + own[2] ** 2) + np.float32(1e-6)
        steep = (own[0] / radii[0]) ** 2 + (own[1] / radii[1]) ** 2 + (own[2] / radii[2]) ** 2
        slope = np.sqrt(steep) / level + np.float32(1e-9)
        dented = np.ones_like(level)
        for a, b, c, phase in self.dents.astype(np.float32):
            wave = np.sin((a * own[0] + b * own[1] + c * own[2]) / level + phase)
            dented += np.float32(self.depth / len(self.dents)) * wave
        result: Floats = (level - dented) / slope
        return result


def _along(surface: "Ellipsoid | Sheet", z: Floats, y: Floats, x: Floats) -> Iterator[Floats]:
    """How far from a surface's centre positions are along each of its own axes."""
    centre, turned = surface.centre.astype(np.float32), surface.rotation.astype(np.float32)
    away = (z - centre[0], y - centre[1], x - centre[2])
    return (turned[0, i] * away[0] + turned[1, i] * away[1] + turned[2, i] * away[2] for i in range(3))


def random_ellipsoid(rng: np.random.Generator, centre: Matrix, radius_angstrom: float, rotation: Matrix) -> Ellipsoid:
    """One of about this radius."""
    radii = radius_angstrom * rng.uniform(0.8, 1.25, 3)
    dents = np.concatenate([rng.normal(0, 2.5, (4, 3)), rng.uniform(0, 2 * np.pi, (4, 1))], axis=1)
    return Ellipsoid(centre, radii, rotation, dents, float(rng.uniform(0.0, 0.12)))


@dataclass(frozen=True, slots=True)
class Sheet:
    """An undulating sheet through the whole volume.

    rotation: its columns are its normal and two directions along it, (z, y, x). waves: (n, 4), rows of a frequency
    along each direction (radians/Å), a phase and an amplitude (Å).
    """

    centre: Matrix
    rotation: Matrix
    waves: Matrix

    @property
    def reach_angstrom(self) -> float:
        """See `Surface`."""
        return float("inf")

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """See `Surface`. Inside is where the normal comes from."""
        up, u, v = _along(self, z, y, x)
        steep_u, steep_v = np.zeros_like(up), np.zeros_like(up)
        for a, b, phase, amplitude in self.waves.astype(np.float32):
            angle = a * u + b * v + phase
            up -= amplitude * np.sin(angle)
            slope = amplitude * np.cos(angle)
            steep_u += a * slope
            steep_v += b * slope
        result: Floats = up / np.sqrt(1 + steep_u**2 + steep_v**2)
        return result


@dataclass(frozen=True, slots=True)
class Tube:
    """A tube around a path (n, 3; Å; z, y, x) of points that lie closer together than its radius."""

    path: Matrix
    radius_angstrom: float

    @property
    def centre(self) -> Matrix:
        """See `Surface`."""
        middle: Matrix = (self.path.min(axis=0) + self.path.max(axis=0)) / 2
        return middle

    @property
    def reach_angstrom(self) -> float:
        """See `Surface`."""
        return float(np.linalg.norm(self.path - self.centre, axis=1).max()) + self.radius_angstrom

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """See `Surface`."""
        shape = np.broadcast_shapes(z.shape, y.shape, x.shape)
        points = np.stack([np.broadcast_to(axis, shape).ravel() for axis in (z, y, x)], axis=1)
        away, _ = cKDTree(self.path).query(points)
        result: Floats = (away.astype(np.float32) - np.float32(self.radius_angstrom)).reshape(shape)
        return result


@dataclass(frozen=True, slots=True)
class Beside:
    """The surface that runs outside another one, at a distance: the second membrane of a double one."""

    surface: Surface
    by_angstrom: float

    @property
    def centre(self) -> Matrix:
        """See `Surface`."""
        return self.surface.centre

    @property
    def reach_angstrom(self) -> float:
        """See `Surface`."""
        return self.surface.reach_angstrom + self.by_angstrom

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """See `Surface`."""
        result: Floats = self.surface.distance(z, y, x) - np.float32(self.by_angstrom)
        return result
