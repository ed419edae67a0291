"""What the producer and its sidecars say of a tomogram, as figures."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from livetomo.core.quality.definitions import MEASURES
from livetomo.core.quality.metric import Quality

Facts = Mapping[str, Any]


def metadata_figures(facts: Facts) -> list[Quality]:
    """Every figure that `facts`, an order's metadata, speak of; those they do not speak of are left out.

    The limits, in `core/quality/definitions.py`, are those by which DenoisET (denoiset/curation.py) chooses tomograms,
    where it has one; a value beyond is worth a look and no more.
    """
    values = {name: value(facts) for name, value in _VALUES.items()}
    figures = [Quality(name, value, MEASURES[name].unit) for name, value in values.items() if value is not None]
    return figures + _bad_patches(facts)


def _number(facts: Facts, key: str, scale: float = 1.0) -> float | None:
    value = facts.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value * scale


def _fact(key: str, scale: float = 1.0) -> Callable[[Facts], float | None]:
    return lambda facts: _number(facts, key, scale)


def _defocus_error(facts: Facts) -> float | None:
    found, target = _number(facts, "defocus_angstrom"), _number(facts, "target_defocus_angstrom")
    return None if found is None or target is None else (abs(found) - abs(target)) * 1e-4


def _tilt_range(facts: Facts) -> float | None:
    low, high = _number(facts, "tilt_min_degrees"), _number(facts, "tilt_max_degrees")
    return None if low is None or high is None else high - low


def _tilts_used_share(facts: Facts) -> float | None:
    used, dark = _number(facts, "tilt_count"), _number(facts, "dark_tilt_count")
    taken = _number(facts, "raw_tilt_count")
    if used is None or (taken is None and dark is None):
        return None
    return used / max(taken or 0, used + (dark or 0), 1)


_VALUES: Mapping[str, Callable[[Facts], float | None]] = {
    "declared_thickness": _fact("thickness_angstrom"),
    "tilt_axis": _fact("tilt_axis_degrees"),
    "declared_tilt_x": _fact("beta_offset_degrees"),
    "declared_tilt_y": _fact("alpha_offset_degrees"),
    "global_shift": _fact("global_shift_angstrom"),
    "alignment_residual": _fact("alignment_residual_angstrom"),
    "ctf_resolution": _fact("ctf_resolution_angstrom"),
    "ctf_score": _fact("ctf_score"),
    "defocus": _fact("defocus_angstrom", 1e-4),
    "defocus_error": _defocus_error,
    "astigmatism": _fact("astigmatism_angstrom", 1e-4),
    "handedness": _fact("defocus_handedness"),
    "tilt_range": _tilt_range,
    "used_tilts": _fact("tilt_count"),
    "used_tilts_share": _tilts_used_share,
}
_PATCHES = {"bad_patches_low_tilt": "bad_patch_low_tilt_fraction", "bad_patches": "bad_patch_fraction"}


def _bad_patches(facts: Facts) -> list[Quality]:
    """AreTomo3 says 0 both for nothing bad and for nothing looked at: only with its patches' number is 0 a figure."""
    patches = _number(facts, "patches")
    sidecars = facts.get("sidecars")
    aligned = isinstance(sidecars, Mapping) and "AreTomo3 metrics" in sidecars.values()
    figures = []
    for name, key in _PATCHES.items():
        value = _number(facts, key)
        if patches == 0 and (aligned or value is not None):
            figures.append(Quality(name, None, "", "missing", "no patches were used"))
        elif value is None and aligned:
            figures.append(
                Quality(name, 0.0, "")
                if patches
                else Quality(name, None, "", "missing", "no patch is bad, or none was used")
            )
        elif value is not None:
            figures.append(Quality(name, value, ""))
    return figures
