"""What sidecars and producers say of a tomogram: a typed record of the JSON that catalog, messages and manifests hold.

The JSON itself is kept as it was recorded, with its order and with keys that other versions know: `from_json` and
`to_json` are each other's inverse to the byte. A fact that is not there, or is of another kind, is None or empty.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class _Number:
    """A finite number."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = name

    def __get__(self, facts: "SidecarFacts", owner: type) -> float | None:
        value = facts.recorded.get(self._key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return None
        return value


class _Text:
    """A text; empty where there is none."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = name

    def __get__(self, facts: "SidecarFacts", owner: type) -> str:
        value = facts.recorded.get(self._key)
        return value if isinstance(value, str) else ""


class _Size:
    """Whole pixels along each axis."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._key = name

    def __get__(self, facts: "SidecarFacts", owner: type) -> tuple[int, ...] | None:
        value = facts.recorded.get(self._key)
        whole = isinstance(value, list | tuple) and all(isinstance(side, int) for side in value)
        return tuple(value) if whole and value else None


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


@dataclass(frozen=True, slots=True)
class SidecarFacts:
    """recorded: the JSON. Angles are in degrees; "pixels" are those of the unbinned tilt series."""

    recorded: Mapping[str, Any] = field(default_factory=dict)

    # How large voxels and pixels are.
    voxel_size_angstrom = _Number()
    pixel_size_angstrom = _Number()
    acquisition_pixel_size_angstrom = _Number()
    planned_pixel_size_angstrom = _Number()
    binning = _Number()
    raw_size_xy = _Size()
    acquisition_image_size_xy = _Size()
    unbinned_size_xyz = _Size()
    planned_size_xyz = _Size()
    # The tilt series and its alignment.
    tilt_series_name = _Text()
    tilt_min_degrees = _Number()
    tilt_max_degrees = _Number()
    tilt_count = _Number()
    raw_tilt_count = _Number()
    dark_tilt_count = _Number()
    tilt_axis_degrees = _Number()
    x_tilt_degrees = _Number()
    alpha_offset_degrees = _Number()
    beta_offset_degrees = _Number()
    global_shift_angstrom = _Number()
    global_shift_pixels = _Number()
    alignment_residual_angstrom = _Number()
    patches = _Number()
    bad_patch_fraction = _Number()
    bad_patch_low_tilt_fraction = _Number()
    thickness_angstrom = _Number()
    thickness_pixels = _Number()
    reconstructed_thickness_angstrom = _Number()
    reconstructed_thickness_pixels = _Number()
    # The microscope.
    voltage_kilovolt = _Number()
    spherical_aberration_mm = _Number()
    phase_shift_degrees = _Number()
    total_dose_electrons_per_angstrom2 = _Number()
    pre_exposure_electrons_per_angstrom2 = _Number()
    defocus_angstrom = _Number()
    target_defocus_angstrom = _Number()
    astigmatism_angstrom = _Number()
    defocus_handedness = _Number()
    ctf_resolution_angstrom = _Number()
    ctf_score = _Number()
    # How the file is stored, and which sidecar said what.
    stored_axes = _Text()
    sidecar = _Text()

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> "SidecarFacts":
        """The inverse of `to_json`."""
        return SidecarFacts(body)

    def to_json(self) -> dict[str, Any]:
        """As it was recorded."""
        return dict(self.recorded)

    @property
    def series(self) -> SeriesFacts | None:
        """Which tilt series it is of; None where nothing says so."""
        body = self.recorded.get("series")
        if not isinstance(body, Mapping) or not body:
            return None
        texts = {key: str(body.get(key) or "") for key in ("name", "of", "acquisition", "failed")}
        return SeriesFacts(order=int(body.get("order") or 0), **texts)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for people about how it was taken."""
        return tuple(self.recorded.get("notes") or ())

    @property
    def sidecars(self) -> Mapping[str, str]:
        """The kind of each sidecar that was read, by its path."""
        body = self.recorded.get("sidecars")
        return body if isinstance(body, Mapping) else {}

    @property
    def scales(self) -> tuple["SidecarFacts", ...]:
        """What each sidecar says of sizes, the most believed first; all together where they were not kept apart."""
        kept = self.recorded.get("scales")
        return tuple(map(SidecarFacts, kept)) if kept else (SidecarFacts({"sidecar": "", **self.recorded}),)

    @property
    def tilt_range_degrees(self) -> float | None:
        """From the lowest tilt to the highest."""
        low, high = self.tilt_min_degrees, self.tilt_max_degrees
        return None if low is None or high is None else high - low
