"""A denoiser: the median of the voxels around each."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from livetomo.core.geometry import TomogramGeometry


@dataclass(frozen=True)
class Median:
    """The settings of the recipe are the fields.

    width_voxels: of the cube whose median is taken.
    """

    width_voxels: int = 3

    def denoise(self, density: np.ndarray, geometry: TomogramGeometry, device: str) -> np.ndarray:
        """density: float32 (z, y, x), read-only, dense matter positive. The answer has the same shape and sign."""
        return ndimage.median_filter(density, size=self.width_voxels, mode="nearest")
