"""Which quality figures become metrics: their unit as Prometheus names it, and buckets that fit their range."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from livetomo.core.quality.definitions import definition_of

SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600)
COUNTS = (0, 1, 3, 10, 30, 100, 200, 300, 500, 1000, 3000, 10000)
_ANY = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
# Of figures whose definition says no others.
_USUAL: Mapping[str, Sequence[float]] = {
    "Å": (5, 10, 15, 20, 25, 30, 40, 50, 70, 100, 200, 500, 1000, 3000),
    "°": (0.5, 1, 1.5, 2, 3, 5, 10, 15, 20, 30, 45, 60, 90),
    "1/µm³": (0, 10, 30, 100, 300, 1000, 3000, 10000, 30000),
}


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


def metric_name(name: str, unit: str) -> str | None:
    """What follows `livetomo_quality_` for a figure; None where its name or unit cannot stand in a metric's name.

    Counts of picks are in `livetomo_tomogram_picks`, with the feature as a label.
    """
    stem = name.replace(".", "_").replace("-", "_")
    word = _base(unit).name
    if not word or not (stem.isascii() and stem.isidentifier()) or stem.endswith("_count"):
        return None
    return stem if stem.endswith(f"_{word}") else f"{stem}_{word}"


def in_base_units(value: float, unit: str) -> float:
    """A figure's value as its metric has it."""
    return value * _base(unit).factor


def _base(unit: str) -> BaseUnit:
    """Of a unit that is not known, its own name where that can stand in a metric's."""
    return UNITS.get(unit) or BaseUnit(unit if unit.isascii() and unit.isidentifier() else "")


def buckets(name: str, unit: str) -> Sequence[float]:
    """Bounds for the histogram of a figure, in base units; none where it has no histogram."""
    definition = definition_of(name)
    if definition is None or definition.unit != unit or definition.buckets is None:
        bounds = _USUAL.get(unit, _ANY)
    else:
        bounds = definition.buckets
    # Without the digits that a product in binary adds.
    return [float(f"{bound * _base(unit).factor:.6g}") for bound in bounds]
