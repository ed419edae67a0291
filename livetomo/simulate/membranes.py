"""Bilayers along surfaces."""

from dataclasses import dataclass

import numpy as np

from livetomo.simulate.canvas import Canvas
from livetomo.simulate.shapes import PIXEL_WIDENING
from livetomo.simulate.surfaces import Surface
from livetomo.simulate.truth import Floats

MOST_CROSSING = 0.001
"""The share of a membrane that may touch what is there already. Membranes do not cross: more than that is none."""


@dataclass(frozen=True, slots=True)
class Bilayer:
    """The profile across a membrane: two leaflets of `weight` (protein is 1), Gaussian, `leaflet_angstrom` off it."""

    weight: float = 1.0
    leaflet_angstrom: float = 19.0
    sigma_angstrom: float = 8.5

    def density(self, distance: Floats, voxel_size_angstrom: float) -> Floats:
        """At these signed distances (Å)."""
        sigma = float(np.hypot(self.sigma_angstrom, PIXEL_WIDENING * voxel_size_angstrom))
        profile = np.zeros_like(distance)
        for leaflet in (-self.leaflet_angstrom, self.leaflet_angstrom):
            profile += np.exp(-(((distance - np.float32(leaflet)) / np.float32(sigma)) ** 2) / 2)
        profile *= np.float32(self.weight * self.sigma_angstrom / sigma)
        return profile


def label_half_width(voxel_size_angstrom: float) -> float:
    """Å to either side of a surface that a label volume calls membrane: at least a voxel and a half in all."""
    return max(30.0, 0.75 * voxel_size_angstrom)


@dataclass(frozen=True, slots=True)
class Membrane:
    """A bilayer along a surface, within the slab. `encloses`: whether its inside is a compartment of its own."""

    surface: Surface
    bilayer: Bilayer = Bilayer()
    encloses: bool = True

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`; where it would cross what is there, it stays away."""
        voxel = canvas.voxel_size_angstrom
        half = label_half_width(voxel)
        reach = min(self.surface.reach_angstrom + half + 4 * voxel, 1e6)
        box = canvas.box(self.surface.centre, reach)
        if min(s.stop - s.start for s in box) < 2:
            return
        distance = self.surface.distance(*canvas.axes(box))
        near = (np.abs(distance) < half) & (canvas.depth[box] < 0)
        crossing = near & canvas.taken[box]
        if np.count_nonzero(crossing) > MOST_CROSSING * np.count_nonzero(near):
            return
        canvas.density[box] += self.bilayer.density(distance, voxel) * (canvas.depth[box] < 0)
        dz, dy, dx = (np.gradient(distance, axis=axis)[near] for axis in range(3))
        normal_z = np.abs(dz) / np.maximum(np.sqrt(dz**2 + dy**2 + dx**2), 1e-6)
        canvas.mark(box, near, "membrane")
        canvas.normal_z[box][near] = normal_z.astype(np.float16)
        if self.encloses:
            canvas.compartment[box][distance < 0] = 1 + canvas.compartment.max() % 255
