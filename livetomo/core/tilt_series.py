"""The tilt series that a tomogram was reconstructed from, and where the tomogram lies in what RELION counts in."""

import math
from dataclasses import dataclass
from pathlib import PurePath

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.json_object import JsonObject
from livetomo.core.series import series_name
from livetomo.core.sidecar_facts import SidecarFacts

Xyz = tuple[float, float, float]
RELION_TOMOGRAMS = "RELION tomograms"
"""The kind of sidecar that RELION's own tomograms.star is."""

_SMALLEST_BINNING = 0.99  # a pixel that is larger than the voxel is not that of the tilt series
_ROUNDING = 1e-3  # of a voxel: RELION writes sizes and binnings with few digits


@dataclass(frozen=True, slots=True)
class TiltSeries:
    """As RELION's tomograms.star has it.

    name:                what RELION and Warp know it by.
    pixel_size_angstrom: of its unbinned images; None where nobody has said: the tomogram then counts as unbinned.
    size_xyz:            the extent of its tomogram in unbinned pixels; None where nobody has said: it is that of ours.
    hand:                1 or -1 (rlnTomoHand); None where nobody has said.
    is_relions:          whether RELION's own tomograms.star has given the name.
    """

    name: str
    pixel_size_angstrom: float | None = None
    size_xyz: tuple[int, int, int] | None = None
    hand: int | None = None
    is_relions: bool = False

    @staticmethod
    def of(
        tomogram: str, geometry: TomogramGeometry, facts: SidecarFacts, *, pixel_size_angstrom: float | None = None
    ) -> "TiltSeries":
        """What sidecars say of it; a pixel size that a person gives goes before that of sidecars."""
        pixel = pixel_size_angstrom or sidecar_pixel_angstrom(facts, geometry.voxel_size_angstrom)
        size: tuple[int, int, int] | None = None
        extent = facts.unbinned_size_xyz or ()
        if pixel is not None and pixel == facts.pixel_size_angstrom and len(extent) == 3:
            x, y, z = extent
            size = x, y, z  # in pixels of this size
        is_relions = bool(facts.tilt_series_name)
        return TiltSeries(series_name(tomogram, facts), pixel, size, _hand(facts, is_relions), is_relions)

    @staticmethod
    def from_json(body: JsonObject) -> "TiltSeries":
        """The inverse of `to_json`."""
        size: tuple[int, int, int] | None = body.numbers("size_xyz", 3) if body.body.get("size_xyz") else None
        pixel = body.number("pixel_size_angstrom") if body.body.get("pixel_size_angstrom") else None
        hand = body.whole("hand") if body.body.get("hand") else None
        return TiltSeries(body.text("name"), pixel, size, hand, bool(body.body.get("is_relions")))

    def to_json(self) -> dict[str, object]:
        """As messages have it."""
        size = None if self.size_xyz is None else list(self.size_xyz)
        return {
            "name": self.name,
            "pixel_size_angstrom": self.pixel_size_angstrom,
            "size_xyz": size,
            "hand": self.hand,
            "is_relions": self.is_relions,
        }

    def binning(self, geometry: TomogramGeometry) -> float:
        """Unbinned pixels per voxel of a tomogram; 1 where the pixel is not known."""
        voxel = geometry.voxel_size_angstrom
        return voxel / (self.pixel_size_angstrom or voxel)

    def unbinned_xyz(self, geometry: TomogramGeometry) -> tuple[int, int, int]:
        """The extent in unbinned pixels: the tilt series' where that is known, else the tomogram's, rounded."""
        if self.size_xyz is not None:
            return self.size_xyz
        binning = self.binning(geometry)
        z, y, x = (round(extent * binning) for extent in geometry.shape_zyx)
        return x, y, z

    def corner_xyz_pixels(self, geometry: TomogramGeometry) -> Xyz:
        """Unbinned pixels from the first pixel of the series' extent to the first voxel of its tomogram.

        The tomograms that RELION 5 makes of an extent begin where it begins: they are as wide and high as it is after
        binning, rounded, and as deep, cut down. Of any other tomogram, the voxels are the middle of the extent.
        """
        if self.size_xyz is None or self._is_relions(geometry):
            return 0.0, 0.0, 0.0
        binning = self.binning(geometry)
        x, y, z = (
            (size - extent * binning) / 2 for size, extent in zip(self.size_xyz, geometry.shape_zyx[::-1], strict=True)
        )
        return x, y, z

    def centre_xyz_angstrom(self, geometry: TomogramGeometry) -> Xyz:
        """Å from the centre of the first voxel to what RELION 5's centred coordinates count from.

        It is half of the extent (a pixel index of size / 2, not (size - 1) / 2): voxel i lies at
        (i * binning - size / 2) * pixel size.
        """
        if self.size_xyz is None:
            return geometry.middle_angstrom
        pixel = geometry.voxel_size_angstrom / self.binning(geometry)
        corner = self.corner_xyz_pixels(geometry)
        x, y, z = ((size / 2 - first) * pixel for size, first in zip(self.size_xyz, corner, strict=True))
        return x, y, z

    def _is_relions(self, geometry: TomogramGeometry) -> bool:
        assert self.size_xyz is not None
        binning = self.binning(geometry)
        x, y, z = (size / binning for size in self.size_xyz)
        depth, height, width = geometry.shape_zyx
        is_cut = depth in (math.floor(z + _ROUNDING), math.floor(z - _ROUNDING))
        return is_cut and all(abs(extent - exact) <= 0.5 + _ROUNDING for extent, exact in ((width, x), (height, y)))


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


def relion_tomograms_star(source: str, facts: SidecarFacts) -> str:
    """The absolute path of RELION's own tomograms.star, which was read for the volume at `source`; else empty.

    It lies in the folder of the job, and the volume in a folder of that.
    """
    of_job = PurePath(source).parent.parent / "tomograms.star"
    read = (path for path, kind in facts.sidecars.items() if kind == RELION_TOMOGRAMS)
    return str(of_job) if any(f"/{of_job}".endswith(f"/{path}") for path in read) else ""


def _hand(facts: SidecarFacts, is_relions: bool) -> int | None:
    """RELION's own, or that of views whose program means the same by it; other versions of it mean another sign."""
    if is_relions and facts.defocus_handedness:
        return int(facts.defocus_handedness)
    return (facts.views.hand or None) if facts.views else None
