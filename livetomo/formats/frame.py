"""Picks in the tomogram that they were made in: what turns a voxel index into another program's coordinate."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.core.series import exported_name
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tilt_series import TiltSeries
from livetomo.formats.tilt_images import TiltImages

Points = npt.NDArray[np.float64]

DEFAULT_DIAMETER_ANGSTROM = 200.0
"""Of particles whose size nobody has said, where a format needs one: results of versions that did not record it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A tomogram, as other programs have it.

    name:                of the tomogram, without its producer's tags.
    pixel_size_angstrom: of the unbinned tilt series; None where nobody has said: the tomogram then counts as unbinned.
    tilt_series_name:    what RELION and Warp know the tilt series by; None where that is the tomogram's name.
    series_size_xyz:     the extent that RELION gives the tilt series' tomogram, in unbinned pixels; None where nobody
        has said: it is that of the tomogram.
    hand:                of the tilt series, 1 or -1, as RELION's rlnTomoHand; None where nobody has said.
    tomograms_star:      the absolute path of RELION's own tomograms.star in which it is; empty where none is known.
    is_turned:           the file stores its axes as IMOD's `_full_rec`, while picks count in the volume turned upright.
    path:                of the tomogram's file, absolute; None where it is not known.
    tilt_images:         what is known of the images of its tilt series; None where nothing says how it was aligned.
    """

    name: str
    geometry: TomogramGeometry
    pixel_size_angstrom: float | None = None
    tilt_series_name: str | None = None
    series_size_xyz: tuple[int, int, int] | None = None
    hand: int | None = None
    tomograms_star: str = ""
    is_turned: bool = False
    path: str | None = None
    tilt_images: TiltImages | None = None

    @staticmethod
    def of_metadata(
        name: str,
        geometry: TomogramGeometry,
        facts: SidecarFacts,
        *,
        pixel_size_angstrom: float | None = None,
        path: str | None = None,
    ) -> "Frame":
        """With what sidecars say of the tilt series; a pixel size that a person gives goes before that of sidecars."""
        series = TiltSeries.of(name, geometry, facts, pixel_size_angstrom=pixel_size_angstrom)
        named = facts.tilt_series_name or None
        called = exported_name(name, facts)
        return Frame(
            called,
            geometry,
            series.pixel_size_angstrom,
            named,
            series.size_xyz,
            series.hand,
            is_turned=facts.stored_axes == "yzx",
            path=path,
        )

    @property
    def series(self) -> str:
        """The tilt series' name."""
        return self.tilt_series_name or self.name

    @property
    def tilt_series(self) -> TiltSeries:
        """What is known of the tilt series."""
        is_relions = self.tilt_series_name is not None
        return TiltSeries(self.series, self.pixel_size_angstrom, self.series_size_xyz, self.hand, is_relions)

    @property
    def pixel_angstrom(self) -> float:
        """The pixel that unbinned coordinates count."""
        return self.pixel_size_angstrom or self.geometry.voxel_size_angstrom

    @property
    def binning(self) -> float:
        """Unbinned pixels per voxel."""
        return self.tilt_series.binning(self.geometry)

    @property
    def unbinned_xyz(self) -> tuple[int, int, int]:
        """The extent in unbinned pixels along x, y and z: the tilt series' where that is known, else the tomogram's."""
        return self.tilt_series.unbinned_xyz(self.geometry)

    def voxels_of_pixels(self, xyz_pixels: Points) -> Points:
        """(n, 3) x, y, z: voxel indices; the inverse of `Placed.corner_xyz_pixels`."""
        corner: Points = np.array(self.tilt_series.corner_xyz_pixels(self.geometry))
        return (xyz_pixels - corner) / self.binning

    def voxels_of_centred(self, xyz_angstrom: Points) -> Points:
        """(n, 3) x, y, z: voxel indices; the inverse of `Placed.centred_xyz_angstrom`."""
        centre: Points = np.array(self.tilt_series.centre_xyz_angstrom(self.geometry))
        return self.geometry.of_corner(xyz_angstrom + centre)


@dataclass(frozen=True, slots=True)
class Placed:
    """Picks of one feature in one tomogram. diameter_angstrom: of the particles; None where nobody has said."""

    picks: Picks
    frame: Frame
    diameter_angstrom: float | None = None

    @property
    def radius_angstrom(self) -> float:
        """Of the particles; half of `DEFAULT_DIAMETER_ANGSTROM` where it is not known."""
        return (self.diameter_angstrom or DEFAULT_DIAMETER_ANGSTROM) / 2

    def voxels_xyz(self) -> Points:
        """(n, 3) x, y, z: voxel index, 0 at the centre of the first voxel."""
        return self.picks.position[:, ::-1].astype(np.float64)

    def corner_xyz_angstrom(self) -> Points:
        """(n, 3) x, y, z: Å from the centre of the first voxel."""
        return self.frame.geometry.corner(self.voxels_xyz())

    def corner_xyz_pixels(self) -> Points:
        """(n, 3) x, y, z: unbinned pixels from the centre of the first voxel, of the tilt series' whole extent."""
        corner: Points = np.array(self.frame.tilt_series.corner_xyz_pixels(self.frame.geometry))
        pixels: Points = self.voxels_xyz() * self.frame.binning + corner
        return pixels

    def centred_xyz_angstrom(self) -> Points:
        """(n, 3) x, y, z: Å from the centre as RELION's extraction has it: see `TiltSeries.centre_xyz_angstrom`."""
        centre = self.frame.tilt_series.centre_xyz_angstrom(self.frame.geometry)
        centred: Points = self.corner_xyz_angstrom() - np.array(centre)
        return centred

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
