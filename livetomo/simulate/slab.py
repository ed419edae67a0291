"""The ice or lamella that everything lies in."""

from dataclasses import dataclass

import numpy as np

from livetomo.simulate.truth import Floats

ShapeZyx = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class IceSlab:
    """Its thickness, how far its middle lies off the volume's (z), and its slope (dz/dy, dz/dx)."""

    thickness_angstrom: float = 1200.0
    shift_angstrom: float = 0.0
    slope: tuple[float, float] = (0.0, 0.0)

    def height(self, shape_zyx: ShapeZyx, voxel_size_angstrom: float) -> Floats:
        """Å above the slab's middle, (z, y, x)."""
        z, y, x = (
            (np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)) * np.float32(voxel_size_angstrom)
            for n in shape_zyx
        )
        middle = self.shift_angstrom + self.slope[0] * y[:, None] + self.slope[1] * x[None, :]
        height: Floats = z[:, None, None] - middle[None].astype(np.float32)
        return height
