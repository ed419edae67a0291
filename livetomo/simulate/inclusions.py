"""Round bodies within a cell that have no bilayer: dense granules and lipid droplets."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from livetomo.simulate.canvas import Canvas
from livetomo.simulate.free_balls import find_free_ball
from livetomo.simulate.shapes import PIXEL_WIDENING


@dataclass(frozen=True, slots=True)
class DenseGranules:
    """Dense balls, as of calcium phosphate or polyphosphate, some about as large as a ribosome.

    diameter_angstrom: their mean; each one's is half to one and a half times it. softness_angstrom: how wide their
    edge is. grain: how much their inside varies, as a share.
    """

    count: int
    diameter_angstrom: float = 300.0
    density: float = 2.0
    softness_angstrom: float = 20.0
    grain: float = 0.2

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`, where they are free."""
        voxel = canvas.voxel_size_angstrom
        for _ in range(self.count):
            radius = 0.5 * self.diameter_angstrom * rng.uniform(0.5, 1.5)
            place = find_free_ball(canvas, rng, radius, 2 * (self.softness_angstrom + voxel))
            if place is None:
                continue
            away = place.distance - radius
            edge = max(self.softness_angstrom, 0.5 * voxel)
            inside = 1 / (1 + np.exp(np.clip(away / np.float32(0.4 * edge), -30, 30)))
            noise = gaussian_filter(rng.standard_normal(away.shape, dtype=np.float32), max(25.0 / voxel, 0.4))
            noise *= np.float32(self.grain / max(float(noise.std()), 1e-9))
            canvas.density[place.box] += np.float32(self.density * rng.uniform(0.7, 1.3)) * inside * (1 + noise)
            canvas.mark(place.box, away < 0, "contamination")


@dataclass(frozen=True, slots=True)
class LipidDroplets:
    """Smooth balls of oil with one layer of lipid around them: an edge with one leaflet, not a bilayer.

    radius_angstrom: their mean; each one's is half to one and a half times it. density: of the oil; less than the
    cytoplasm's crowd may have. edge: density of the layer's heads.
    """

    count: int
    radius_angstrom: float = 500.0
    density: float = 0.15
    edge: float = 0.6
    sigma_angstrom: float = 8.5

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`, where they are free; no feature's name is on them."""
        voxel = canvas.voxel_size_angstrom
        sigma = float(np.hypot(self.sigma_angstrom, PIXEL_WIDENING * voxel))
        for _ in range(self.count):
            radius = self.radius_angstrom * rng.uniform(0.5, 1.5)
            place = find_free_ball(canvas, rng, radius, 3 * voxel)
            if place is None:
                continue
            away = place.distance - radius
            oil = np.clip(0.5 - away / voxel, 0, 1)
            layer = np.exp(-((away / np.float32(sigma)) ** 2) / 2) * np.float32(self.sigma_angstrom / sigma)
            slab = canvas.depth[place.box] < 0
            drawn = np.float32(self.density) * oil + np.float32(self.edge) * layer
            canvas.density[place.box] += drawn * slab
            canvas.mark(place.box, (away < 2 * self.sigma_angstrom) & slab, None)
