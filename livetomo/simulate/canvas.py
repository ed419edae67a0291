"""The volume that a specimen is drawn into, with what is where."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from edt import edt

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.simulate.shapes import Matrix
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.truth import Floats, Truth, label_of

Mask = npt.NDArray[np.bool_]
Box = tuple[slice, slice, slice]
BODY = 0.3
"""The density from which on a particle fills a voxel; its inside is about 1."""


@dataclass(frozen=True, slots=True)
class DrawnParticle:
    """A particle that was drawn: voxel index (z, y, x), Å³, RELION rot, tilt, psi in degrees."""

    position: Matrix
    volume_angstrom3: float
    euler: Matrix


class Canvas:
    """Density (protein 1, solvent 0), labels, and which voxels are taken; all (z, y, x).

    extent: Å along z, y and x. depth: Å from the slab's nearer face, negative inside. compartment: 0, or the number of
    the closed surface inside which a voxel lies.
    """

    def __init__(self, geometry: TomogramGeometry, slab: IceSlab) -> None:
        self.geometry = geometry
        self.shape, self.voxel_size_angstrom = geometry.shape_zyx, geometry.voxel_size_angstrom
        self.extent: Matrix = np.array(geometry.extent_angstrom[::-1])
        self.density: Floats = np.zeros(self.shape, np.float32)
        self.labels: npt.NDArray[np.int8] = np.zeros(self.shape, np.int8)
        self.normal_z: npt.NDArray[np.float16] = np.zeros(self.shape, np.float16)
        self.taken: Mask = np.zeros(self.shape, bool)
        self.compartment: npt.NDArray[np.uint8] = np.zeros(self.shape, np.uint8)
        self.height = slab.height(geometry)
        self.depth: Floats = np.abs(self.height) - np.float32(slab.thickness_angstrom / 2)
        self.placed: dict[str, list[DrawnParticle]] = {}
        self._from_membrane: Floats | None = None

    def box(self, centre_angstrom: Matrix, reach_angstrom: float) -> Box:
        """The part of the volume within `reach` of a point (z, y, x), by a cube; empty where it is outside."""
        low = np.floor(self.geometry.of_corner(centre_angstrom - reach_angstrom)).astype(int)
        high = np.ceil(self.geometry.of_corner(centre_angstrom + reach_angstrom)).astype(int) + 1
        z, y, x = (slice(max(a, 0), max(min(b, n), max(a, 0))) for a, b, n in zip(low, high, self.shape, strict=True))
        return z, y, x

    def around(self, centre_angstrom: Matrix, reach_angstrom: float) -> tuple[Box, Floats, Floats, Floats]:
        """A box around a point (z, y, x), and how far (Å) from the point its voxels are along z, y and x."""
        box = self.box(centre_angstrom, reach_angstrom)
        z, y, x = self.axes(box)
        return box, z - centre_angstrom[0], y - centre_angstrom[1], x - centre_angstrom[2]

    def depths_below(self, point_angstrom: Matrix) -> Floats:
        """`depth` along the column (z) of a point (z, y, x)."""
        last = np.array(self.shape[1:]) - 1
        y, x = np.minimum(point_angstrom[1:] / self.voxel_size_angstrom, last).astype(int)
        return self.depth[:, y, x]

    def axes(self, box: Box) -> tuple[Floats, Floats, Floats]:
        """The positions (Å) of the voxels of a box along z, y and x, shaped to broadcast to it."""
        z, y, x = (
            np.arange(*s.indices(n), dtype=np.float32) * np.float32(self.voxel_size_angstrom)
            for s, n in zip(box, self.shape, strict=True)
        )
        return z[:, None, None], y[None, :, None], x[None, None, :]

    def from_membrane(self) -> Floats:
        """Å from the nearest voxel that is called membrane; infinite where there is none. Kept until one is added."""
        if self._from_membrane is None:
            away = self.labels != label_of("membrane")
            found = edt(away) * np.float32(self.voxel_size_angstrom) if not away.all() else np.full(self.shape, np.inf)
            self._from_membrane = found.astype(np.float32)
        return self._from_membrane

    def mark(self, box: Box, where: Mask, feature: str | None) -> None:
        """Take the voxels of `box` that `where` selects, and call them `feature`."""
        self.taken[box] |= where
        if feature is not None:
            self.labels[box][where] = label_of(feature)
        if feature == "membrane":
            self._from_membrane = None

    def try_particle(
        self, cube: Floats, at: Sequence[int], placed: DrawnParticle, name: str | None, overlap: float
    ) -> bool:
        """Draw a particle around the voxel `at` unless more than `overlap` of it lies where something is.

        Returns:
            Whether it was drawn. `name` is what the truth calls it; None for the crowd.
        """
        radius = cube.shape[0] // 2
        low = [max(c - radius, 0) for c in at]
        high = [min(c + radius + 1, n) for c, n in zip(at, self.shape, strict=True)]
        here = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        part = tuple(slice(s.start - c + radius, s.stop - c + radius) for s, c in zip(here, at, strict=True))
        body = cube[part] > BODY
        filled = np.count_nonzero(body)
        if np.count_nonzero(self.taken[here] & body) > overlap * filled:
            return False
        self.density[here] += cube[part]
        self.taken[here] |= body
        if name is not None:
            self.placed.setdefault(name, []).append(placed)
            label = label_of(name)
            if label:
                self.labels[here][body] = label
        return True

    def splat(self, centres: Matrix, sigma_voxels: float, weight: float) -> None:
        """Add Gaussian balls around `centres` (n, 3), voxel index (z, y, x)."""
        reach = int(np.ceil(3 * sigma_voxels))
        steps = np.arange(-reach, reach + 1)
        nearest = np.rint(centres).astype(int)
        rows = np.exp(-(((steps - (centres - nearest)[:, :, None]) / sigma_voxels) ** 2) / 2)
        balls = weight * np.einsum("nz,ny,nx->nzyx", rows[:, 0], rows[:, 1], rows[:, 2])
        z, y, x = (nearest[:, axis, None] + steps for axis in range(3))
        inside = np.einsum(
            "nz,ny,nx->nzyx", *((i >= 0) & (i < n) for i, n in zip((z, y, x), self.shape, strict=True))
        ).astype(bool)
        where = (z[:, :, None, None] * self.shape[1] + y[:, None, :, None]) * self.shape[2] + x[:, None, None, :]
        flat = np.bincount(where[inside], balls[inside], minlength=0)
        self.density.reshape(-1)[: len(flat)] += flat.astype(np.float32)

    def truth(self) -> Truth:
        """What has been drawn."""
        picks = {name: _columns(self.placed[name]) for name in sorted(self.placed)}
        self.normal_z[self.labels != label_of("membrane")] = 0
        return Truth(picks, self.labels, self.normal_z)


def _columns(placed: Sequence[DrawnParticle]) -> Picks:
    return Picks(
        np.array([one.position for one in placed], np.float32),
        np.ones(len(placed), np.float32),
        np.array([one.volume_angstrom3 for one in placed], np.float32),
        np.array([one.euler for one in placed], np.float32),
    )
