"""What is usual in a session: the median and spread of each figure so far, and what lies far from it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import Any

from livetomo.core.manifest import ResultManifest
from livetomo.core.quality.definitions import Limits, Side, definition_of, limits_in_force
from livetomo.core.quality.definitions import judged as judged_by_limits
from livetomo.core.quality.metric import Quality, worst

FEWEST_TOMOGRAMS = 8
DEVIATIONS = 5.0
MOST_TOMOGRAMS = 100
AXIS_DEVIATION = "tilt_axis_deviation"
_GAUSSIAN = 1.4826  # the standard deviation of a normal distribution for its median absolute deviation
_FEW = 8  # a spread of few values is so uncertain that the limit is (1 + 8/n) times as far
_LEAST_SHARE = 0.05
_LEAST_SPREAD: Mapping[str, float] = {"": 0.005, "Å": 1.0, "µm": 0.1, "°": 0.5, "tilts": 0.5}
Values = Mapping[str, float | None]
"""The figures of one result by name: their values alone, since there are many results before each."""


@dataclass(frozen=True, slots=True)
class Rules:
    """From how many tomograms on there is a baseline, and how many robust deviations from it are unusual; 0: none."""

    tomograms: int = FEWEST_TOMOGRAMS
    deviations: float = DEVIATIONS

    @staticmethod
    def of(settings: Mapping[str, Any]) -> "Rules":
        """As a recipe's settings say."""
        return Rules(**settings.get("baseline", {}))


@dataclass(frozen=True, slots=True)
class Usual:
    """The values of one figure so far: their median, their robust standard deviation, and how many they are."""

    middle: float
    spread: float
    tomograms: int

    @staticmethod
    def of(values: Sequence[float], unit: str) -> "Usual":
        """1.4826 times the median absolute deviation, but never less than 5 % of the median, or what no person minds.

        Without that, figures that hardly vary (a tilt range) would make the smallest change unusual.
        """
        middle = median(values)
        spread = _GAUSSIAN * median(abs(value - middle) for value in values)
        least = max(_LEAST_SHARE * abs(middle), _LEAST_SPREAD.get(unit, 0.0))
        return Usual(middle, max(spread, least), len(values))

    def deviations(self, value: float) -> float:
        """How many spreads `value` lies above the median; nearer to 0 the fewer tomograms give the spread."""
        return (value - self.middle) / self.spread / (1 + _FEW / self.tomograms) if self.spread else 0.0


def judged(manifest: ResultManifest, earlier: Sequence[Values]) -> ResultManifest:
    """`manifest` with the verdicts that `earlier` results of its session and recipe give its figures.

    A figure far from the session's median is at least `warn`, with both numbers in its reason; the tilt axis is
    compared with the session's as `tilt_axis_deviation`. What was warn or bad stays so; nothing else is changed.
    """
    figures = dict(manifest.quality)
    rules = Rules.of(manifest.recipe.settings)
    for quality in (*_unusual(manifest, earlier, rules), *_axis(manifest, earlier, rules)):
        figures[quality.name] = quality
    verdict = worst([manifest.verdict, *(quality.verdict for quality in figures.values())])
    return replace(manifest, quality=figures, verdict=verdict)


def _unusual(manifest: ResultManifest, earlier: Sequence[Values], rules: Rules) -> Iterator[Quality]:
    for quality in manifest.quality.values():
        values = _values(quality.name, earlier)
        if quality.value is None or len(values) < rules.tomograms or not rules.deviations:
            continue
        usual = Usual.of(values, quality.unit)
        deviations = usual.deviations(quality.value)
        side: Side = "high" if deviations > 0 else "low"
        if abs(deviations) <= rules.deviations or _trouble(quality.name) not in (side, "both"):
            continue
        unit = f" {quality.unit}" if quality.unit else ""
        word = quality.name.replace("_", " ")
        reason = (
            f"unusual for this session: {word} {_said(quality.value)}{unit}, where {usual.tomograms} tomograms have "
            f"{_said(usual.middle)} ± {_said(usual.spread)}{unit}"
        )
        reason = f"{quality.reason}; {reason}" if quality.reason else reason
        yield Quality(quality.name, quality.value, quality.unit, worst([quality.verdict, "warn"]), reason)


def _axis(manifest: ResultManifest, earlier: Sequence[Values], rules: Rules) -> Iterator[Quality]:
    """How far the tilt axis is from the session's."""
    own = manifest.quality.get("tilt_axis")
    axes = _values("tilt_axis", earlier)
    if own is None or own.value is None or len(axes) < rules.tomograms:
        return
    axis = own.value
    # A median of directions: of the differences to one of them, so that -179° and 179° are neighbours.
    middle = axes[0] + median(_turn(other - axes[0]) for other in axes)
    deviation = abs(_turn(axis - middle))
    judged = judged_by_limits(Quality(AXIS_DEVIATION, deviation, "°"), _limits(manifest, AXIS_DEVIATION))
    said = f"the tilt axis, {axis:.1f}°, is {deviation:.1f}° off the session's {_turn(middle):.1f}°: did it align?"
    yield replace(judged, reason=said) if judged.reason else judged


def _limits(manifest: ResultManifest, figure: str) -> Limits | None:
    """What the recipe says of the limits of a figure that only a session has; None where it says nothing."""
    settings = manifest.recipe.settings
    for limit in settings.get("limit", ()):
        if limit["figure"] == figure:
            said = {field.name: limit.get(field.name) for field in fields(Limits)}
            return limits_in_force(figure, said, settings.get("radiation", "electrons"))
    return None


def _turn(degrees: float) -> float:
    """The same direction, -180 to 180."""
    return math.remainder(degrees, 360.0)


def _values(name: str, earlier: Sequence[Values]) -> list[float]:
    return [value for values in earlier if (value := values.get(name)) is not None]


def _trouble(name: str) -> Side | None:
    definition = definition_of(name)
    return None if definition is None else definition.trouble


def _said(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
