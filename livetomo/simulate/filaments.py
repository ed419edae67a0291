"""Filaments of subunits on a helix: microtubules, and thin ones like actin."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.spatial import cKDTree

from livetomo.simulate.canvas import Canvas, Mask
from livetomo.simulate.paths import along, wander
from livetomo.simulate.shapes import PIXEL_WIDENING, Matrix

MONOMER_ANGSTROM = 40.8
"""From one tubulin to the next along a protofilament."""


class Polymer(Protocol):
    """What runs along a path.

    feature: what a label volume calls it, in a cylinder of `label_radius_angstrom` around its axes. sigma_angstrom: of
    a subunit, which is a Gaussian ball. persistence_angstrom: how stiff it is.
    """

    @property
    def feature(self) -> str:
        """See the class."""

    @property
    def sigma_angstrom(self) -> float:
        """See the class."""

    @property
    def label_radius_angstrom(self) -> float:
        """See the class."""

    @property
    def persistence_angstrom(self) -> float:
        """See the class."""

    def axes(self, path: Matrix, spacing_angstrom: float) -> Matrix:
        """Points (n, 3; Å; z, y, x) so far apart along each of its axes, if it follows `path`."""

    def subunits(self, path: Matrix, phase: float) -> Matrix:
        """The middles (n, 3; Å; z, y, x) of its subunits, if it follows `path`; `phase` turns it, in radians."""


@dataclass(frozen=True, slots=True)
class Lattice:
    """How subunits sit: one every `rise` along the axis and `turn` around it, `radius` from it; see `Polymer`.

    starts: how many such helices run beside each other, the next one `start_angstrom` further along the axis.
    """

    feature: str
    rise_angstrom: float
    turn_degrees: float
    radius_angstrom: float
    sigma_angstrom: float
    label_radius_angstrom: float
    persistence_angstrom: float
    starts: int = 1
    start_angstrom: float = 0.0

    def axes(self, path: Matrix, spacing_angstrom: float) -> Matrix:
        """See `Polymer`."""
        return along(path, spacing_angstrom)[0]

    def subunits(self, path: Matrix, phase: float) -> Matrix:
        """See `Polymer`."""
        points, tangents, across, other = along(path, self.rise_angstrom)
        angle = np.deg2rad(self.turn_degrees) * np.arange(len(points))[:, None] + phase
        helix = points + self.radius_angstrom * (np.cos(angle) * across + np.sin(angle) * other)
        further = self.start_angstrom * tangents
        balls: Matrix = np.concatenate([helix + start * further for start in range(self.starts)])
        return balls


def microtubule(protofilaments: int = 13) -> Lattice:
    """Tubulin on a three-start helix, one every 40.8 Å along each protofilament; 13 of these lie about 100 Å out."""
    rise = 3 * MONOMER_ANGSTROM / protofilaments
    turn, radius = 360.0 / protofilaments, 7.9 * protofilaments
    return Lattice("microtubule", rise, turn, radius, 17.0, 135.0, 2e6, starts=3, start_angstrom=MONOMER_ANGSTROM)


ACTIN = Lattice("filament", 27.6, -166.6, 24.0, 17.0, 45.0, 1.2e5)
"""F-actin: 27.6 Å and -166.6° per subunit, persistence about 10 µm (more bent in cells)."""


@dataclass(frozen=True, slots=True)
class Filaments:
    """So many filaments of a kind; those that would cross what is there are left out.

    bundle: how many run side by side, `bundle_angstrom` apart.
    """

    polymer: Polymer
    count: int
    contrast: float = 1.0
    bundle: int = 1
    bundle_angstrom: float = 120.0
    length_angstrom: float = 8000.0

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`."""
        step = 40.0
        for _ in range(self.count):
            path = wander(
                canvas,
                rng,
                step_angstrom=step,
                persistence_angstrom=self.polymer.persistence_angstrom,
                steps=int(self.length_angstrom / step),
            )
            if len(path) < 5:
                continue
            points, _, across, other = along(path, step)
            for number in range(self.bundle):
                beside = number * self.bundle_angstrom * (0.9 * across + 0.3 * other)
                self._draw_one(canvas, points + beside, rng)

    def _draw_one(self, canvas: Canvas, path: Matrix, rng: np.random.Generator) -> None:
        polymer, voxel = self.polymer, canvas.voxel_size_angstrom
        axis = _inside(canvas, polymer.axes(path, voxel * 0.5))
        if len(axis) < 4:
            return
        reach = float(np.abs(axis - axis.mean(axis=0)).max()) + polymer.label_radius_angstrom + voxel
        box = canvas.box(axis.mean(axis=0), reach)
        radius = max(polymer.label_radius_angstrom, 0.75 * voxel)
        body = _near(canvas, box, axis, radius)
        if np.count_nonzero(body & canvas.taken[box]) > 0.005 * np.count_nonzero(body):
            return
        subunits = _inside(canvas, polymer.subunits(path, rng.uniform(0, 2 * np.pi)))
        sigma = float(np.hypot(polymer.sigma_angstrom / voxel, PIXEL_WIDENING))
        mass = self.contrast * 1.3 * (polymer.sigma_angstrom / voxel / sigma) ** 3
        canvas.splat(canvas.geometry.of_corner(subunits), sigma, mass)
        canvas.mark(box, body, polymer.feature)


def _near(canvas: Canvas, box: tuple[slice, slice, slice], axis: Matrix, radius_angstrom: float) -> Mask:
    """Which voxels of `box` lie within a radius of the points of `axis`; only those near them are looked at."""
    voxel = canvas.voxel_size_angstrom
    start = np.array([s.start for s in box])
    shape = np.array([s.stop - s.start for s in box])
    body: Mask = np.zeros(shape, bool)
    reach = int(np.ceil(radius_angstrom / voxel))
    steps = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    thinned = axis[:: max(int(radius_angstrom / (2 * voxel)), 1)]
    candidates = (np.rint(canvas.geometry.of_corner(thinned)).astype(int)[:, None] + steps).reshape(-1, 3) - start
    body[tuple(candidates[((candidates >= 0) & (candidates < shape)).all(axis=1)].T)] = True
    candidates = np.argwhere(body)
    away, _ = cKDTree(axis).query(canvas.geometry.corner(candidates + start), distance_upper_bound=radius_angstrom)
    body[tuple(candidates[~np.isfinite(away)].T)] = False
    return body


def _inside(canvas: Canvas, points: Matrix) -> Matrix:
    """Those points (Å) that lie in the slab."""
    at = np.rint(canvas.geometry.of_corner(points)).astype(int)
    points, at = points[keep := ((at >= 0) & (at < canvas.shape)).all(axis=1)], at[keep]
    inside: Matrix = points[canvas.depth[tuple(at.T)] < 0]
    return inside
