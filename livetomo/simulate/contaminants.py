"""What nobody wants in a tomogram: gold, ice crystals, dense junk, the edge of the carbon film."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from livetomo.simulate.canvas import Canvas
from livetomo.simulate.truth import Floats


@dataclass(frozen=True, slots=True)
class Gold:
    """Fiducial beads on the slab's faces, or within it."""

    count: int
    diameter_angstrom: float = 100.0
    density: float = 12.0

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`."""
        voxel = canvas.voxel_size_angstrom
        extent = canvas.extent
        radius = self.diameter_angstrom / 2
        for _ in range(self.count):
            centre = extent * rng.random(3)
            if rng.random() < 0.6:  # on a face
                height = np.abs(canvas.depths_below(centre))
                centre[0] = float(np.argmin(height + rng.random(len(height)) * voxel)) * voxel
            box, z, y, x = canvas.around(centre, radius + 2 * voxel)
            distance = np.sqrt(z**2 + y**2 + x**2)
            inside = np.clip((radius - distance) / voxel + 0.5, 0, 1)
            canvas.density[box] += np.float32(self.density) * inside.astype(np.float32)
            canvas.mark(box, inside > 0.5, "contamination")


@dataclass(frozen=True, slots=True)
class IceCrystals:
    """Faceted crystals that lie on the slab's faces."""

    count: int
    size_angstrom: float = 700.0
    density: float = 1.6

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`."""
        voxel = canvas.voxel_size_angstrom
        extent = canvas.extent
        for _ in range(self.count):
            centre = extent * rng.random(3)
            centre[0] = float(np.argmin(np.abs(canvas.depths_below(centre)))) * voxel
            radius = 0.5 * self.size_angstrom * rng.uniform(0.5, 1.3)
            box, z, y, x = canvas.around(centre, 1.4 * radius)
            reach: Floats = np.full([s.stop - s.start for s in box], -np.inf, np.float32)
            for normal in Rotation.random(6, rng=rng).apply([1.0, 0.0, 0.0]):
                facet = radius * rng.uniform(0.6, 1.0)
                for sign in (-1, 1):
                    along = sign * (normal[0] * z + normal[1] * y + normal[2] * x)
                    reach = np.maximum(reach, (along - facet).astype(np.float32))
            inside = np.clip(0.5 - reach / voxel, 0, 1)
            canvas.density[box] += np.float32(self.density) * inside * np.float32(rng.uniform(0.6, 1.4))
            canvas.mark(box, inside > 0.5, "contamination")


@dataclass(frozen=True, slots=True)
class Junk:
    """Dense, shapeless lumps in the slab: granules, droplets, aggregates."""

    count: int
    size_angstrom: float = 500.0
    density: float = 1.4

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`."""
        voxel = canvas.voxel_size_angstrom
        extent = canvas.extent
        for _ in range(self.count):
            centre = extent * rng.random(3)
            radius = 0.5 * self.size_angstrom * rng.uniform(0.5, 1.5)
            box, z, y, x = canvas.around(centre, 1.5 * radius)
            distance = np.sqrt(z**2 + y**2 + x**2)
            bumps = gaussian_filter(rng.standard_normal(distance.shape, dtype=np.float32), 0.3 * radius / voxel)
            bumps *= np.float32(0.25 * radius / max(float(bumps.std()), 1e-9))
            inside = np.clip((radius - distance - bumps) / voxel + 0.5, 0, 1) * (canvas.depth[box] < 0)
            body = inside > 0.5
            if np.count_nonzero(canvas.taken[box] & body) > 0.02 * np.count_nonzero(body):
                continue
            grain = rng.normal(1, 0.2, distance.shape).astype(np.float32)
            canvas.density[box] += np.float32(self.density) * inside.astype(np.float32) * grain
            canvas.mark(box, body, "contamination")


@dataclass(frozen=True, slots=True)
class CarbonFilm:
    """The edge of the support film along one face of the slab: the rim of a round hole."""

    thickness_angstrom: float = 200.0
    hole_radius_angstrom: float = 10000.0
    share: float = 0.3
    density: float = 1.1

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`; it covers about `share` of the field."""
        voxel = canvas.voxel_size_angstrom
        everywhere = (slice(None), slice(None), slice(None))
        extent = canvas.extent
        angle = rng.uniform(0, 2 * np.pi)
        middle = extent[1:] / 2 - (self.hole_radius_angstrom + (0.5 - self.share) * extent[1]) * np.array(
            [np.sin(angle), np.cos(angle)]
        )
        y, x = (np.arange(n) * voxel for n in canvas.shape[1:])
        beyond = np.hypot(y[:, None] - middle[0], x[None, :] - middle[1]) - self.hole_radius_angstrom
        side = np.sign(rng.random() - 0.5)
        # It lies within the slab, along its face.
        into = np.where(np.sign(canvas.height) == side, -canvas.depth, -np.float32(1e6))
        thick = np.minimum(into, self.thickness_angstrom - into)
        inside = np.clip(0.5 + np.minimum(thick, -beyond[None].astype(np.float32)) / voxel, 0, 1).astype(np.float32)
        grain = gaussian_filter(rng.standard_normal(canvas.shape, dtype=np.float32), max(15.0 / voxel, 0.4))
        grain *= np.float32(0.35 / max(float(grain.std()), 1e-9))
        canvas.density += np.float32(self.density) * inside * (1 + grain)
        canvas.mark(everywhere, inside > 0.5, "carbon")
