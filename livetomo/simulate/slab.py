"""The ice or lamella that everything lies in."""

from dataclasses import dataclass

import numpy as np

from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.truth import Floats


@dataclass(frozen=True, slots=True)
class IceSlab:
    """Its thickness, how far its middle lies off the volume's (z), and its slope (dz/dy, dz/dx)."""

    thickness_angstrom: float = 1200.0
    shift_angstrom: float = 0.0
    slope: tuple[float, float] = (0.0, 0.0)

    def height(self, geometry: TomogramGeometry) -> Floats:
        """Å above the slab's middle, (z, y, x)."""
        z, y, x = (
            (np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)) * np.float32(geometry.voxel_size_angstrom)
            for n in geometry.shape_zyx
        )
        middle = self.shift_angstrom + self.slope[0] * y[:, None] + self.slope[1] * x[None, :]
        height: Floats = z[:, None, None] - middle[None].astype(np.float32)
        return height
