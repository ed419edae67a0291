"""Where a tomogram's voxels lie: extents, voxel size, origin, and the two places that positions are counted from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the supervisor has no numpy
    import numpy as np
    import numpy.typing as npt

    Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TomogramGeometry:
    """The grid of a volume. Every map that is made from a tomogram keeps it.

    shape_zyx:           voxels along z, y and x.
    voxel_size_angstrom: the same along every axis.
    origin_angstrom:     x, y, z of the first voxel, as MRC headers have it.
    nstart:              x, y, z of the first voxel in a larger grid, in voxels.
    cell_angstrom:       the extents along x, y and z, where they are not just shape times voxel size.
    stored_axes:         axes as the file stores them, slowest first: "zyx" in nearly every file.

    Positions are (n, 3), x, y, z; 0 is the centre of the first voxel.
    """

    shape_zyx: tuple[int, int, int]
    voxel_size_angstrom: float
    origin_angstrom: tuple[float, float, float] = (0.0, 0.0, 0.0)
    nstart: tuple[int, int, int] = (0, 0, 0)
    cell_angstrom: tuple[float, float, float] | None = None
    stored_axes: str = "zyx"

    def voxels(self, angstrom: float) -> float:
        """A length in voxels."""
        return angstrom / self.voxel_size_angstrom

    @property
    def extent_angstrom(self) -> tuple[float, float, float]:
        """Along x, y and z."""
        z, y, x = self.shape_zyx
        size = self.voxel_size_angstrom
        return self.cell_angstrom or (x * size, y * size, z * size)

    @property
    def middle(self) -> tuple[float, float, float]:
        """The voxel index x, y, z that RELION 5's extraction takes for the centre: n/2, not (n-1)/2."""
        z, y, x = self.shape_zyx
        return x / 2, y / 2, z / 2

    @property
    def middle_angstrom(self) -> tuple[float, float, float]:
        """Å along x, y and z from the centre of the first voxel to `middle`."""
        x, y, z = self.middle
        size = self.voxel_size_angstrom
        return x * size, y * size, z * size

    def centred(self, voxels_xyz: "Points") -> "Points":
        """Voxel indices as Å from `middle`."""
        return (voxels_xyz - self.middle) * self.voxel_size_angstrom

    def of_centred(self, xyz_angstrom: "Points") -> "Points":
        """The inverse of `centred`."""
        return xyz_angstrom / self.voxel_size_angstrom + self.middle

    def corner(self, voxels_xyz: "Points") -> "Points":
        """Voxel indices as Å from the centre of the first voxel."""
        return voxels_xyz * self.voxel_size_angstrom

    def of_corner(self, xyz_angstrom: "Points") -> "Points":
        """The inverse of `corner`."""
        return xyz_angstrom / self.voxel_size_angstrom
