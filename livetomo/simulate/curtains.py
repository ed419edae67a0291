"""The stripes that a focused ion beam leaves in a lamella."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from livetomo.simulate.canvas import Canvas


@dataclass(frozen=True, slots=True)
class Curtains:
    """Straight stripes along the direction of milling, through the whole thickness.

    deviation: of their density; protein is 1. width_angstrom: of a stripe, as a Gaussian.
    """

    deviation: float = 0.15
    width_angstrom: float = 150.0

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`, over what is there."""
        voxel = canvas.voxel_size_angstrom
        angle = rng.choice([0.0, np.pi / 2]) + rng.normal(0, 0.1)
        y, x = (np.arange(n) - n / 2 for n in canvas.shape[1:])
        across = np.cos(angle) * y[:, None] + np.sin(angle) * x[None, :]
        longest = int(np.ceil(np.hypot(*canvas.shape[1:]))) + 4
        line = gaussian_filter1d(rng.standard_normal(longest), max(self.width_angstrom / voxel, 0.4), mode="wrap")
        line *= self.deviation / max(float(line.std()), 1e-9)
        stripes = np.interp(across, np.arange(longest) - longest / 2, line).astype(np.float32)
        canvas.density += stripes * np.clip(0.5 - canvas.depth / np.float32(voxel), 0, 1)
