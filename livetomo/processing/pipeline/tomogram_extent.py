"""How much room a tomogram has: what of it is not blank, in µm³."""

from dataclasses import dataclass

from livetomo.core.geometry import TomogramGeometry
from livetomo.processing.blank import Blank

_UM_PER_ANGSTROM = 1e-4


@dataclass(frozen=True, slots=True)
class TomogramExtent:
    """real_share, real_area_share: of its voxels, and of its columns along z, those that are not blank."""

    geometry: TomogramGeometry
    real_share: float = 1.0
    real_area_share: float = 1.0

    @staticmethod
    def of(geometry: TomogramGeometry, blank: Blank | None) -> "TomogramExtent":
        """That of a tomogram of which so much is blank."""
        if blank is None:
            return TomogramExtent(geometry)
        area = 1 - float(blank.mask.all(0).float().mean())
        return TomogramExtent(geometry, 1 - blank.share, area)

    def volume_um3(self, depth_angstrom: float | None = None) -> float:
        """Of what is not blank of the whole, or of a slab so deep along z."""
        x, y, z = (side * _UM_PER_ANGSTROM for side in self.geometry.extent_angstrom)
        real = x * y * z * self.real_share
        if depth_angstrom is None:
            return real
        return min(real, x * y * self.real_area_share * depth_angstrom * _UM_PER_ANGSTROM)
