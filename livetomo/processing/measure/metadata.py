"""What the producer and its sidecars say of a tomogram, as figures."""

from collections.abc import Callable, Mapping

from livetomo.core.quality.definitions import DEFINITIONS
from livetomo.core.quality.metric import Quality
from livetomo.core.sidecar_facts import SidecarFacts


def metadata_figures(facts: SidecarFacts) -> list[Quality]:
    """Every figure that `facts`, an order's metadata, speak of; those they do not speak of are left out.

    The limits, in `core/quality/definitions.py`, are those by which DenoisET (denoiset/curation.py) chooses tomograms,
    where it has one; a value beyond is worth a look and no more.
    """
    values = {name: value(facts) for name, value in _VALUES.items()}
    figures = [Quality(name, value, DEFINITIONS[name].unit) for name, value in values.items() if value is not None]
    return figures + _bad_patches(facts)


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _defocus_error(facts: SidecarFacts) -> float | None:
    found, target = facts.defocus_angstrom, facts.target_defocus_angstrom
    return None if found is None or target is None else (abs(found) - abs(target)) * 1e-4


def _tilts_used_share(facts: SidecarFacts) -> float | None:
    used, dark = facts.tilt_count, facts.dark_tilt_count
    taken = facts.raw_tilt_count
    if used is None or (taken is None and dark is None):
        return None
    return used / max(taken or 0, used + (dark or 0), 1)


_VALUES: Mapping[str, Callable[[SidecarFacts], float | None]] = {
    "declared_thickness": lambda facts: facts.thickness_angstrom,
    "tilt_axis": lambda facts: facts.tilt_axis_degrees,
    "declared_tilt_x": lambda facts: facts.beta_offset_degrees,
    "declared_tilt_y": lambda facts: facts.alpha_offset_degrees,
    "global_shift": lambda facts: facts.global_shift_angstrom,
    "alignment_residual": lambda facts: facts.alignment_residual_angstrom,
    "ctf_resolution": lambda facts: facts.ctf_resolution_angstrom,
    "ctf_score": lambda facts: facts.ctf_score,
    "defocus": lambda facts: _scaled(facts.defocus_angstrom, 1e-4),
    "defocus_error": _defocus_error,
    "astigmatism": lambda facts: _scaled(facts.astigmatism_angstrom, 1e-4),
    "handedness": lambda facts: facts.defocus_handedness,
    "tilt_range": lambda facts: facts.tilt_range_degrees,
    "used_tilts": lambda facts: facts.tilt_count,
    "used_tilts_share": _tilts_used_share,
}


def _bad_patches(facts: SidecarFacts) -> list[Quality]:
    """AreTomo3 says 0 both for nothing bad and for nothing looked at: only with its patches' number is 0 a figure."""
    patches = facts.patches
    aligned = "AreTomo3 metrics" in facts.sidecars.values()
    figures = []
    shares = {"bad_patches_low_tilt": facts.bad_patch_low_tilt_fraction, "bad_patches": facts.bad_patch_fraction}
    for name, value in shares.items():
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
