"""Virus-like particles: closed shells of protein, which are neither membranes nor ribosomes."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from livetomo.simulate.canvas import Canvas
from livetomo.simulate.free_balls import find_free_ball
from livetomo.simulate.shapes import PIXEL_WIDENING
from livetomo.simulate.truth import Floats


@dataclass(frozen=True, slots=True)
class ProteinShells:
    """Round shells of about one size, each of lumps, alone or one within the other; not one of them is a bilayer.

    radius_angstrom: of the middle of the outer shell; each particle's differs a little. gap_angstrom: from there to the
    middle of the inner shell; 0 where there is none. sigma_angstrom: of a shell's Gaussian profile. filling: density
    of what lies inside, such as a genome. roughness: how much lumps of 40 Å vary a shell, as a share.
    """

    count: int
    radius_angstrom: float = 250.0
    gap_angstrom: float = 80.0
    sigma_angstrom: float = 12.0
    weight: float = 1.0
    filling: float = 0.0
    roughness: float = 0.4

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`, where they are free; no feature's name is on them."""
        voxel = canvas.voxel_size_angstrom
        for _ in range(self.count):
            radius = self.radius_angstrom * rng.uniform(0.95, 1.05)
            outside = radius + 2 * self.sigma_angstrom
            place = find_free_ball(canvas, rng, outside, 3 * voxel)
            if place is None:
                continue
            distance = place.distance
            lumps = gaussian_filter(rng.standard_normal(distance.shape, dtype=np.float32), max(20.0 / voxel, 0.5))
            lumps *= np.float32(self.roughness / max(float(lumps.std()), 1e-9))
            inner = radius - self.gap_angstrom
            shells = self._profile(distance - radius, voxel)
            if self.gap_angstrom > 0:
                shells += self._profile(distance - inner, voxel)
            inside = np.clip((inner - 2 * self.sigma_angstrom - distance) / voxel + 0.5, 0, 1)
            canvas.density[place.box] += (shells + np.float32(self.filling) * inside) * (1 + lumps)
            canvas.mark(place.box, distance < outside, None)

    def _profile(self, distance: Floats, voxel_size_angstrom: float) -> Floats:
        sigma = float(np.hypot(self.sigma_angstrom, PIXEL_WIDENING * voxel_size_angstrom))
        profile: Floats = np.exp(-((distance / np.float32(sigma)) ** 2) / 2)
        return profile * np.float32(self.weight * self.sigma_angstrom / sigma)
