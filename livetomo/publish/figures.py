"""Which quality figures become metrics: their unit as Prometheus names it, and buckets that fit their range."""

from collections.abc import Mapping, Sequence

SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600)
COUNTS = (0, 1, 3, 10, 30, 100, 200, 300, 500, 1000, 3000, 10000)
_SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
_SHARES = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1)
_ANY = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000)

UNITS: Mapping[str, str] = {
    "": "ratio",
    "Å": "angstrom",
    "Å²": "angstrom2",
    "Å³": "angstrom3",
    "nm": "nanometers",
    "µm": "micrometers",
    "µm²": "square_micrometers",
    "µm³": "cubic_micrometers",
    "°": "degrees",
    "deg": "degrees",
    "e/Å²": "electrons_per_angstrom2",
    "1/µm³": "per_cubic_micrometer",
    "µm⁻³": "per_cubic_micrometer",
    "s": "seconds",
}

# Details, by the end of the metric's name: of the last tomogram alone, or each scrape would carry a megabyte.
_LATEST_ALONE = (
    "_tilt_x_degrees",
    "_tilt_y_degrees",
    "slab_shift_angstrom",
    "handedness_ratio",
    "_score_low_ratio",
    "_score_high_ratio",
    "_square_micrometers",
    "_cubic_micrometers",
    "_neighbour_distance_angstrom",
)

# By the end of the metric's name, first match: a figure that is added needs no entry unless its range is unusual.
_BUCKETS: Mapping[str, Sequence[float]] = {
    "thickness_angstrom": (300, 600, 800, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 4000, 6000),
    "shift_angstrom": (10, 30, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000),
    "_angstrom": (5, 10, 15, 20, 25, 30, 40, 50, 70, 100, 200, 500, 1000, 3000),
    "tilt_axis_degrees": (-180, -150, -120, -90, -60, -30, 0, 30, 60, 90, 120, 150, 180),
    "tilt_range_degrees": (20, 40, 60, 80, 90, 100, 105, 110, 115, 120, 130, 140),
    "_degrees": (0.5, 1, 1.5, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90),
    "_error_micrometers": (-5, -3, -2, -1, -0.5, -0.2, 0, 0.2, 0.5, 1, 2, 3, 5),
    "astigmatism_micrometers": (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2),
    "_micrometers": (0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10),
    "_per_cubic_micrometer": (0, 10, 30, 100, 300, 1000, 3000, 10000, 30000),
    "_tilts": (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 80, 120),
    "_agreement_ratio": (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1),
    "_confidence_ratio": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1),
    "_score_median_ratio": _SCORES,
    "focus_ratio": (0.03, 0.06, 0.12, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 4),
    "_score_ratio": _SHARES,
    "bad_patches_ratio": _SHARES,
    "low_tilt_ratio": _SHARES,
    "_share_ratio": _SHARES,
    "_fraction_ratio": _SHARES,
}


def metric_name(name: str, unit: str) -> str | None:
    """What follows `livetomo_quality_` for a figure; None where its name or unit cannot stand in a metric's name.

    Counts of picks are told by `livetomo_tomogram_picks`, with the feature as a label.
    """
    stem = name.replace(".", "_").replace("-", "_")
    known = UNITS.get(unit) or (unit if unit.isascii() and unit.isidentifier() else None)
    if known is None or not (stem.isascii() and stem.isidentifier()) or stem.endswith("_count"):
        return None
    return stem if stem.endswith(f"_{known}") else f"{stem}_{known}"


def buckets(metric: str) -> Sequence[float]:
    """Bounds for the histogram of a figure; none where it has no histogram."""
    if metric.endswith(_LATEST_ALONE):
        return ()
    return next((bounds for end, bounds in _BUCKETS.items() if metric.endswith(end)), _ANY)
