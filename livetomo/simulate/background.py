"""The unresolved density between everything else."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from livetomo.simulate.canvas import Canvas


@dataclass(frozen=True, slots=True)
class Crowd:
    """Smooth noise in the slab, of another strength in each compartment.

    deviation: its standard deviation in small voxels; a protein is 1, and large voxels average it out.
    grain_angstrom: how coarse it is. differs: how much its strength
    differs from one compartment to another, as a share.
    """

    deviation: float = 0.1
    grain_angstrom: float = 25.0
    differs: float = 0.0

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Last, so that it stays out of what is there."""
        voxel = canvas.voxel_size_angstrom
        noise = rng.standard_normal(canvas.shape, dtype=np.float32)
        if self.grain_angstrom > 0.3 * voxel:
            noise = gaussian_filter(noise, self.grain_angstrom / voxel, mode="wrap", truncate=3)
        left = (1 + (voxel / (3.5 * self.grain_angstrom)) ** 2) ** -0.75  # of a Gaussian grain, averaged over a voxel
        noise *= np.float32(left * self.deviation / max(float(noise.std()), 1e-9))
        strength = rng.uniform(1 - self.differs, 1 + self.differs, 256).astype(np.float32)
        noise *= strength[canvas.compartment]
        noise[canvas.taken] *= np.float32(0.3)
        noise *= np.clip(0.5 - canvas.depth / np.float32(voxel), 0, 1)
        canvas.density += noise
