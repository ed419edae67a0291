"""Bilayers along closed and open surfaces."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from livetomo.simulate.shapes import PIXEL_WIDENING, Matrix
from livetomo.simulate.truth import Floats

Box = tuple[slice, slice, slice]


class Surface(Protocol):
    """Where a bilayer runs."""

    def box(self, shape_zyx: tuple[int, int, int], voxel_size_angstrom: float, margin_angstrom: float) -> Box:
        """The part of a volume that holds everything within the margin of the surface."""

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """Å from the surface, negative inside, good near the surface; the positions (Å) broadcast to the result."""


@dataclass(frozen=True, slots=True)
class Vesicle:
    """A closed, slightly dented ellipsoid.

    centre, radii: Å, (z, y, x). rotation: takes its own axes to the volume's, in (z, y, x). dents: (n, 4) rows of a
    direction (z, y, x) and a phase; `depth` is what they add up to, as a share of the radius.
    """

    centre: Matrix
    radii: Matrix
    rotation: Matrix
    dents: Matrix
    depth: float = 0.05

    def box(self, shape_zyx: tuple[int, int, int], voxel_size_angstrom: float, margin_angstrom: float) -> Box:
        """See `Surface`."""
        reach = float(self.radii.max()) * (1 + self.depth) + margin_angstrom
        low = np.floor((self.centre - reach) / voxel_size_angstrom).astype(int)
        high = np.ceil((self.centre + reach) / voxel_size_angstrom).astype(int) + 1
        z, y, x = (slice(int(max(a, 0)), int(max(min(b, n), 0))) for a, b, n in zip(low, high, shape_zyx, strict=True))
        return z, y, x

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        """See `Surface`. To first order: level over slope."""
        away = (z - self.centre[0], y - self.centre[1], x - self.centre[2])
        own = [sum(self.rotation[k, i] * away[k] for k in range(3)) / self.radii[i] for i in range(3)]
        level = np.sqrt(own[0] ** 2 + own[1] ** 2 + own[2] ** 2) + 1e-6
        slope = np.sqrt(sum((u / r) ** 2 for u, r in zip(own, self.radii, strict=True))) / level + 1e-9
        dented = 1 + self.depth / max(len(self.dents), 1) * sum(
            np.sin((a * own[0] + b * own[1] + c * own[2]) / level + phase) for a, b, c, phase in self.dents
        )
        result: Floats = ((level - dented) / slope).astype(np.float32)
        return result


def random_vesicle(rng: np.random.Generator, centre: Matrix, radius_angstrom: float, rotation: Matrix) -> Vesicle:
    """A vesicle of about this radius."""
    radii = radius_angstrom * rng.uniform(0.85, 1.15, 3)
    dents = np.concatenate([rng.normal(0, 2.5, (4, 3)), rng.uniform(0, 2 * np.pi, (4, 1))], axis=1)
    return Vesicle(centre, radii, rotation, dents)


@dataclass(frozen=True, slots=True)
class Bilayer:
    """The profile across a membrane: two leaflets of `weight` (protein is 1), Gaussian, `leaflet_angstrom` off it."""

    weight: float = 1.0
    leaflet_angstrom: float = 19.0
    sigma_angstrom: float = 8.5

    def density(self, distance: Floats, voxel_size_angstrom: float) -> Floats:
        """At these signed distances (Å)."""
        sigma = float(np.hypot(self.sigma_angstrom, PIXEL_WIDENING * voxel_size_angstrom))
        profile = np.exp(-(((np.abs(distance) - self.leaflet_angstrom) / sigma) ** 2) / 2)
        result: Floats = (self.weight * self.sigma_angstrom / sigma * profile).astype(np.float32)
        return result


def label_half_width(voxel_size_angstrom: float) -> float:
    """Å to either side of a surface that a label volume calls membrane: at least a voxel's width."""
    return max(30.0, 0.75 * voxel_size_angstrom)
