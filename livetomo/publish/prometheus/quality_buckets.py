"""Which quality figures become metrics: their unit as Prometheus names it, and buckets that fit their range."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600)
COUNTS = (0, 1, 3, 10, 30, 100, 200, 300, 500, 1000, 3000, 10000)
_SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
_SHARES = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1)
_ANY = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000)


class BaseUnit(NamedTuple):
    """How a metric's name says a unit, and how many of these one of the figure's is.

    Prometheus wants base units: https://prometheus.io/docs/practices/naming/#base-units.
    """

    name: str
    factor: float = 1.0


UNITS: Mapping[str, BaseUnit] = {
    "": BaseUnit("ratio"),
    "Å": BaseUnit("meters", 1e-10),
    "Å²": BaseUnit("square_meters", 1e-20),
    "Å³": BaseUnit("cubic_meters", 1e-30),
    "nm": BaseUnit("meters", 1e-9),
    "µm": BaseUnit("meters", 1e-6),
    "µm²": BaseUnit("square_meters", 1e-12),
    "µm³": BaseUnit("cubic_meters", 1e-18),
    "°": BaseUnit("degrees"),
    "deg": BaseUnit("degrees"),
    "e/Å²": BaseUnit("electrons_per_square_meter", 1e20),
    "1/µm³": BaseUnit("per_cubic_meter", 1e18),
    "µm⁻³": BaseUnit("per_cubic_meter", 1e18),
    "s": BaseUnit("seconds"),
}

# Details, by the end of the metric's name: of the last tomogram alone, or each scrape would carry a megabyte.
_LATEST_ALONE = (
    "_tilt_x_degrees",
    "_tilt_y_degrees",
    "slab_shift_meters",
    "handedness_ratio",
    "_score_low_ratio",
    "_score_high_ratio",
    "_square_meters",
    "_cubic_meters",
    "_neighbour_distance_meters",
)


def _times(factor: float, *bounds: float) -> Sequence[float]:
    """Bounds in base units, without the digits that a product in binary adds."""
    return [float(f"{bound * factor:.6g}") for bound in bounds]


# By the end of the metric's name, first match: a figure that is added needs no entry unless its range is unusual.
_BUCKETS: Mapping[str, Sequence[float]] = {
    "thickness_meters": _times(1e-10, 300, 600, 800, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 4000, 6000),
    "shift_meters": _times(1e-10, 10, 30, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000),
    "defocus_error_meters": _times(1e-6, -5, -3, -2, -1, -0.5, -0.2, 0, 0.2, 0.5, 1, 2, 3, 5),
    "astigmatism_meters": _times(1e-6, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2),
    "defocus_meters": _times(1e-6, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10),
    "_meters": _times(1e-10, 5, 10, 15, 20, 25, 30, 40, 50, 70, 100, 200, 500, 1000, 3000),
    "tilt_axis_degrees": (-180, -150, -120, -90, -60, -30, 0, 30, 60, 90, 120, 150, 180),
    "tilt_range_degrees": (20, 40, 60, 80, 90, 100, 105, 110, 115, 120, 130, 140),
    "_degrees": (0.5, 1, 1.5, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90),
    "_per_cubic_meter": _times(1e18, 0, 10, 30, 100, 300, 1000, 3000, 10000, 30000),
    "_tilts": (5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 80, 120),
    "_agreement_ratio": (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1),
    "_confidence_ratio": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1),
    "_score_median_ratio": _SCORES,
    "relative_depth_ratio": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.2, 1.5, 2, 4, 10),
    "density_skew_ratio": (-2, -1, -0.5, -0.3, -0.1, 0, 0.1, 0.3, 0.5, 1, 2, 4),
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
    word = _base(unit).name
    if not word or not (stem.isascii() and stem.isidentifier()) or stem.endswith("_count"):
        return None
    return stem if stem.endswith(f"_{word}") else f"{stem}_{word}"


def in_base_units(value: float, unit: str) -> float:
    """A figure's value as its metric tells it."""
    return value * _base(unit).factor


def _base(unit: str) -> BaseUnit:
    """Of a unit that is not known, its own name where that can stand in a metric's."""
    return UNITS.get(unit) or BaseUnit(unit if unit.isascii() and unit.isidentifier() else "")


def buckets(metric: str) -> Sequence[float]:
    """Bounds for the histogram of a figure; none where it has no histogram."""
    if metric.endswith(_LATEST_ALONE):
        return ()
    return next((bounds for end, bounds in _BUCKETS.items() if metric.endswith(end)), _ANY)
