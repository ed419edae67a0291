"""What sidecars and producers say of a tomogram: a typed record of the JSON that catalog, messages and manifests hold.

The JSON itself is kept as it was recorded, with its order and with keys that other versions know: `from_json` and
`to_json` are each other's inverse to the byte. A fact that is not there, or is of another kind, is None or empty.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from livetomo.core.fact_record import FactRecord, fact, number, size, table, text
from livetomo.core.tilt_views import TiltViews


@dataclass(frozen=True, slots=True)
class SeriesFacts:
    """Which tilt series a tomogram is a reconstruction of.

    name:        of the series, as its producer has it; the tomogram's own may have a suffix.
    of:          where its producer keeps what belongs together; two of the same are of one series.
    acquisition: a digest of when and to which files it was acquired; two that differ are two series.
    order:       the number of the job that made it, where its producer counts jobs.
    failed:      why the program that made it may have left it unfinished.
    """

    name: str = ""
    of: str = ""
    acquisition: str = ""
    order: int = 0
    failed: str = ""


def _series(body: Any) -> SeriesFacts | None:
    """None where nothing says so."""
    if not isinstance(body, Mapping) or not body:
        return None
    texts = {key: str(body.get(key) or "") for key in ("name", "of", "acquisition", "failed")}
    return SeriesFacts(order=int(body.get("order") or 0), **texts)


class ScaleFacts(FactRecord):
    """How large voxels and pixels are, and which sidecar says so; "pixels" are those of the unbinned tilt series."""

    sidecar: str = text()
    voxel_size_angstrom: float | None = number()
    pixel_size_angstrom: float | None = number()
    acquisition_pixel_size_angstrom: float | None = number()
    binning: float | None = number()
    raw_size_xy: tuple[int, ...] | None = size()
    acquisition_image_size_xy: tuple[int, ...] | None = size()
    unbinned_size_xyz: tuple[int, ...] | None = size()
    planned_pixel_size_angstrom: float | None = number()
    planned_size_xyz: tuple[int, ...] | None = size()


class SidecarFacts(ScaleFacts):
    """Angles are in degrees.

    series:          of which tilt series it is a reconstruction.
    notes:           sentences for people about how it was taken.
    scales:          what each sidecar says of sizes, the most believed first, where they were kept apart.
    views:           of the tilt series, one by one; views_missing says why they are not known, where there are files
        that should say so.
    sidecars:        the kind of each sidecar that was read, by its path.
    unread_sidecars: why others were not.
    producer:        the plug-in that recognised it, as provenance has it; empty where livetomo itself did.
    """

    # The tilt series and its alignment.
    tilt_series_name: str = text()
    tilt_min_degrees: float | None = number()
    tilt_max_degrees: float | None = number()
    tilt_count: float | None = number()
    raw_tilt_count: float | None = number()
    dark_tilt_count: float | None = number()
    tilt_axis_degrees: float | None = number()
    x_tilt_degrees: float | None = number()
    alpha_offset_degrees: float | None = number()
    beta_offset_degrees: float | None = number()
    global_shift_angstrom: float | None = number()
    global_shift_pixels: float | None = number()
    alignment_residual_angstrom: float | None = number()
    patches: float | None = number()
    bad_patch_fraction: float | None = number()
    bad_patch_low_tilt_fraction: float | None = number()
    thickness_angstrom: float | None = number()
    thickness_pixels: float | None = number()
    reconstructed_thickness_angstrom: float | None = number()
    reconstructed_thickness_pixels: float | None = number()
    # The microscope.
    voltage_kilovolt: float | None = number()
    spherical_aberration_mm: float | None = number()
    amplitude_contrast: float | None = number()
    phase_shift_degrees: float | None = number()
    total_dose_electrons_per_angstrom2: float | None = number()
    pre_exposure_electrons_per_angstrom2: float | None = number()
    defocus_angstrom: float | None = number()
    target_defocus_angstrom: float | None = number()
    astigmatism_angstrom: float | None = number()
    defocus_handedness: float | None = number()
    ctf_resolution_angstrom: float | None = number()
    ctf_score: float | None = number()
    # How the file is stored, and which sidecar said what.
    stored_axes: str = text()
    acquisition_digest: str = text()
    series: SeriesFacts | None = fact(_series)
    notes: tuple[str, ...] = fact(lambda value: tuple(value or ()))
    scales: tuple[ScaleFacts, ...] = fact(lambda value: tuple(map(ScaleFacts.from_json, value or ())))
    views: TiltViews | None = fact(TiltViews.from_json)
    views_missing: str = text()
    sidecars: Mapping[str, str] = table()
    unread_sidecars: Mapping[str, str] = table()
    producer: Mapping[str, str] = table()

    @property
    def tilt_range_degrees(self) -> float | None:
        """From the lowest tilt to the highest."""
        low, high = self.tilt_min_degrees, self.tilt_max_degrees
        return None if low is None or high is None else high - low
