"""The volume that a specimen is drawn into, with what is where."""

import numpy as np
import numpy.typing as npt

from livetomo.picks import Picks
from livetomo.simulate.membranes import Bilayer, Surface, label_half_width
from livetomo.simulate.truth import FEATURES, Floats, Truth, label_of

Position = tuple[int, int, int]


class Canvas:
    """Density (protein 1, solvent 0), labels, and which voxels are taken; all (z, y, x)."""

    def __init__(self, shape_zyx: Position, voxel_size_angstrom: float) -> None:
        self.shape = shape_zyx
        self.voxel_size_angstrom = voxel_size_angstrom
        self.density: Floats = np.zeros(shape_zyx, np.float32)
        self.labels: npt.NDArray[np.int8] = np.zeros(shape_zyx, np.int8)
        self.normal_z: npt.NDArray[np.float16] = np.zeros(shape_zyx, np.float16)
        self.taken: npt.NDArray[np.bool_] = np.zeros(shape_zyx, bool)
        self._placed: dict[str, list[tuple[npt.NDArray[np.float64], float, npt.NDArray[np.float64]]]] = {}

    def try_particle(
        self,
        cube: Floats,
        at: Position,
        *,
        position: npt.NDArray[np.float64],
        euler: npt.NDArray[np.float64],
        feature: str | None,
        overlap: float = 0.06,
    ) -> bool:
        """Draw a particle unless more than `overlap` of it lies where something is; whether it was drawn.

        at: the voxel of the cube's centre. position: the particle's true centre, voxel index (z, y, x).
        """
        here, part = self._window(cube.shape[0] // 2, at)
        body = cube[part] > 0.3
        if not body.any() or np.count_nonzero(self.taken[here] & body) > overlap * np.count_nonzero(cube > 0.3):
            return False
        self.density[here] += cube[part]
        self.taken[here] |= body
        if feature is not None:
            self.labels[here][body] = label_of(feature)
            volume = float(np.count_nonzero(cube > 0.3)) * self.voxel_size_angstrom**3
            self._placed.setdefault(feature, []).append((position, volume, euler))
        return True

    def _window(self, radius: int, at: Position) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        """Where a cube around `at` lies in the volume, and which part of the cube that is."""
        low = [max(c - radius, 0) for c in at]
        high = [min(c + radius + 1, n) for c, n in zip(at, self.shape, strict=True)]
        here = tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))
        part = tuple(slice(s.start - c + radius, s.stop - c + radius) for s, c in zip(here, at, strict=True))
        return here, part

    def add_membrane(self, surface: Surface, bilayer: Bilayer, within: npt.NDArray[np.bool_]) -> None:
        """Draw a bilayer along `surface`, where `within` (z, y, x) is true."""
        voxel = self.voxel_size_angstrom
        half = label_half_width(voxel)
        box = surface.box(self.shape, voxel, half + 4 * voxel)
        axes = [np.arange(s.start, s.stop, dtype=np.float32) * np.float32(voxel) for s in box]
        if min(len(axis) for axis in axes) < 2:
            return
        distance = surface.distance(axes[0][:, None, None], axes[1][None, :, None], axes[2][None, None, :])
        inside = within[box]
        self.density[box] += bilayer.density(distance, voxel) * inside
        near = (np.abs(distance) < half) & inside
        dz, dy, dx = (np.gradient(distance, axis=axis)[near] for axis in range(3))
        normal_z = np.abs(dz) / np.maximum(np.sqrt(dz**2 + dy**2 + dx**2), 1e-6)
        self.labels[box][near] = label_of("membrane")
        self.normal_z[box][near] = normal_z.astype(np.float16)
        self.taken[box] |= near

    def truth(self) -> Truth:
        """What has been drawn."""
        picks = {name: _columns(self._placed[name]) for name in FEATURES if name in self._placed}
        self.normal_z[self.labels != label_of("membrane")] = 0
        return Truth(picks, self.labels, self.normal_z)


def _columns(placed: list[tuple[npt.NDArray[np.float64], float, npt.NDArray[np.float64]]]) -> Picks:
    positions, volumes, eulers = zip(*placed, strict=True)
    return Picks(
        np.array(positions, np.float32),
        np.ones(len(placed), np.float32),
        np.array(volumes, np.float32),
        np.array(eulers, np.float32),
    )
