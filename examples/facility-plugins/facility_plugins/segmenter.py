"""A segmenter: compact particles by a difference of Gaussians."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from livetomo.core.geometry import TomogramGeometry

_RATIO = 1.6  # of the two widths: the difference is then close to the Laplacian of a Gaussian


@dataclass(frozen=True)
class DifferenceOfGaussians:
    """The settings of the recipe are the fields. It has no features of its own: each that it is asked for is the same.

    diameter_angstrom: of the particles.
    even_odds_deviations: a response of so many robust standard deviations counts as 1/2.
    """

    diameter_angstrom: float
    even_odds_deviations: float = 5.0

    def __post_init__(self) -> None:
        if self.diameter_angstrom <= 0:
            raise ValueError("diameter_angstrom has to be above 0")

    def segment(
        self, density: np.ndarray, geometry: TomogramGeometry, features: Sequence[str], device: str
    ) -> Mapping[str, np.ndarray]:
        """density: float32 (z, y, x), read-only, dense matter positive. One map for each feature, 0 to 1."""
        narrow = geometry.voxels(self.diameter_angstrom) / (2 * np.sqrt(3))
        response = ndimage.gaussian_filter(density, narrow) - ndimage.gaussian_filter(density, narrow * _RATIO)
        response -= np.median(response)
        deviation = 1.4826 * np.median(np.abs(response))
        odds = np.clip(response / (self.even_odds_deviations * deviation + 1e-12), 0, None) ** 3
        probability = odds / (1 + odds)
        return dict.fromkeys(features, probability)
