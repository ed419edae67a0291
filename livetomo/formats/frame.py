"""Picks in the tomogram that they were made in: what turns a voxel index into another program's coordinate."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.series import exported_name
from livetomo.core.sidecar_facts import SidecarFacts

Points = npt.NDArray[np.float64]

_SMALLEST_BINNING = 0.99  # a pixel that is larger than the voxel is not that of the tilt series


@dataclass(frozen=True, slots=True)
class Frame:
    """A tomogram, as other programs have it.

    name:                of the tomogram, without its producer's tags.
    pixel_size_angstrom: of the unbinned tilt series; None where nobody has said: the tomogram then counts as unbinned.
    tilt_series_name:    what RELION and Warp know the tilt series by; None where that is the tomogram's name.
    series_size_xyz:     the extent that RELION gives the tilt series' tomogram, in unbinned pixels; of one that was
        cropped the voxels are the middle. None where nobody has said: it is that of the tomogram.
    """

    name: str
    geometry: TomogramGeometry
    pixel_size_angstrom: float | None = None
    tilt_series_name: str | None = None
    series_size_xyz: tuple[int, int, int] | None = None

    @staticmethod
    def of_metadata(
        name: str, geometry: TomogramGeometry, facts: SidecarFacts, *, pixel_size_angstrom: float | None = None
    ) -> "Frame":
        """With what sidecars say of the tilt series; a pixel size that a person gives goes before that of sidecars."""
        pixel = pixel_size_angstrom or sidecar_pixel_angstrom(facts, geometry.voxel_size_angstrom)
        series: tuple[int, int, int] | None = None
        size = facts.unbinned_size_xyz or ()
        if pixel is not None and pixel == facts.pixel_size_angstrom and len(size) == 3:
            x, y, z = size
            series = x, y, z  # in pixels of this size
        called = exported_name(name, facts)
        return Frame(called, geometry, pixel, facts.tilt_series_name or None, series)

    @property
    def series(self) -> str:
        """The tilt series' name."""
        return self.tilt_series_name or self.name

    @property
    def pixel_angstrom(self) -> float:
        """The pixel that unbinned coordinates count."""
        return self.pixel_size_angstrom or self.geometry.voxel_size_angstrom

    @property
    def binning(self) -> float:
        """Unbinned pixels per voxel."""
        return self.geometry.voxel_size_angstrom / self.pixel_angstrom

    @property
    def unbinned_xyz(self) -> tuple[int, int, int]:
        """The extent in unbinned pixels along x, y and z: the tilt series' where that is known, else the tomogram's."""
        if self.series_size_xyz is not None:
            return self.series_size_xyz
        z, y, x = (round(extent * self.binning) for extent in self.geometry.shape_zyx)
        return x, y, z

    def voxels_of_pixels(self, xyz_pixels: Points) -> Points:
        """(n, 3) x, y, z: voxel indices; the inverse of `Placed.corner_xyz_pixels`."""
        return (xyz_pixels - self.cropped_xyz_pixels()) / self.binning

    def cropped_xyz_pixels(self) -> Points:
        """Unbinned pixels between the corner of the tilt series' extent and that of the tomogram."""
        if self.series_size_xyz is None:
            return np.zeros(3)
        return (np.array(self.series_size_xyz) - np.array(self.geometry.shape_zyx[::-1]) * self.binning) / 2


def sidecar_pixel_angstrom(facts: SidecarFacts, voxel_size_angstrom: float) -> float | None:
    """The unbinned pixel that sidecars know: named as such; or acquired, and not binned since; or by the binning.

    None where they do not, or where it would be larger than the voxel, which no reconstruction's is.
    """
    pixel = facts.pixel_size_angstrom
    size = facts.raw_size_xy
    if not pixel and size is not None and size == facts.acquisition_image_size_xy:
        pixel = facts.acquisition_pixel_size_angstrom
    if not pixel and (binning := facts.binning):
        pixel = voxel_size_angstrom / binning
    return float(pixel) if pixel and voxel_size_angstrom / pixel >= _SMALLEST_BINNING else None


@dataclass(frozen=True, slots=True)
class Placed:
    """Picks of one feature in one tomogram."""

    picks: Picks
    frame: Frame

    def voxels_xyz(self) -> Points:
        """(n, 3) x, y, z: voxel index, 0 at the centre of the first voxel."""
        return self.picks.position[:, ::-1].astype(np.float64)

    def corner_xyz_angstrom(self) -> Points:
        """(n, 3) x, y, z: Å from the centre of the first voxel."""
        return self.frame.geometry.corner(self.voxels_xyz())

    def corner_xyz_pixels(self) -> Points:
        """(n, 3) x, y, z: unbinned pixels from the centre of the first voxel, of the tilt series' whole extent."""
        return self.voxels_xyz() * self.frame.binning + self.frame.cropped_xyz_pixels()

    def centred_xyz_angstrom(self) -> Points:
        """(n, 3) x, y, z: Å from the centre as RELION's extraction has it: voxel index n/2, not (n-1)/2."""
        return self.frame.geometry.centred(self.voxels_xyz())

    def angles(self) -> Points | None:
        """(n, 3) RELION's rot, tilt, psi in degrees (intrinsic ZYZ), where the picks have an orientation."""
        return None if self.picks.euler is None else self.picks.euler.astype(np.float64)

    def zxz(self) -> Points:
        """(n, 3) phi, psi, theta as STOPGAP and cryoCAT have them; zeros where the picks have no orientation.

        A rotation by rot, tilt, psi (intrinsic ZYZ) is one by rot + 90°, tilt, psi - 90° (intrinsic ZXZ); the reference
        is rotated instead of the particle, hence the signs.
        """
        angles = self.angles()
        if angles is None:
            return np.zeros((len(self.picks), 3))
        rot, tilt, psi = angles.T
        return np.column_stack([-(rot + 90), 90 - psi, -tilt])


def zyz(zxz: Points) -> npt.NDArray[np.float32] | None:
    """The inverse of `Placed.zxz`: rot, tilt, psi; None where all are zeros, as they are without an orientation."""
    phi, psi, theta = zxz.T
    return np.column_stack([-phi - 90, -theta, 90 - psi]).astype(np.float32) if zxz.any() else None
