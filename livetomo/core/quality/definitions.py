"""Every figure of a tomogram's quality, as `figures.toml` has them: unit, what it is, its limits and whose they are."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from livetomo.core.quality.metric import Quality, Verdict

Side = Literal["low", "high", "both"]
Radiation = Literal["electrons", "xray"]
_JUDGEMENTS: tuple[Verdict, ...] = ("good", "warn", "bad")


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond which values a figure is worth a look (warn) or spoils the tomogram (bad), in the figure's unit."""

    warn_below: float | None = None
    bad_below: float | None = None
    warn_above: float | None = None
    bad_above: float | None = None

    def verdict(self, value: float) -> Verdict:
        """Of a value; the limits themselves are good, and what has no limits is unjudged."""
        if self == Limits():
            return "unjudged"
        if _below(value, self.bad_below) or _above(value, self.bad_above):
            return "bad"
        return "warn" if _below(value, self.warn_below) or _above(value, self.warn_above) else "good"


@dataclass(frozen=True, slots=True)
class Definition:
    """All that is said of a figure: adding one touches the function that makes it, and its table in `figures.toml`.

    name: in one that each feature of a recipe has, `<feature>` stands for the feature's name.
    definition: what is measured. limits, source: its limits and whose they are.
    low, high: what a value below or above them means; `{value}` and `{limit}` may stand in them.
    words: limits that are no numbers, as a person reads them.
    xray: the verdicts that limits and checks give X-ray tomograms too; none: they hold for electrons alone.
    trouble: on which side of what is usual in a session a value is trouble; None if it may well be another in each
        place, like a lamella's tilt.
    buckets: upper bounds of its histogram, in its unit; None: as is usual for the unit; none at all: it is a detail,
        which is published of the last tomogram alone, or each scrape would carry a megabyte.
    needs: of a feature's figure, which features always have it: those with an "extent", or those with "picks".
    """

    name: str
    definition: str
    unit: str = ""
    limits: Limits = Limits()
    source: str = ""
    low: str = ""
    high: str = ""
    words: str = ""
    xray: tuple[Verdict, ...] = _JUDGEMENTS
    trouble: Side | None = None
    buckets: Sequence[float] | None = None
    needs: Literal["extent", "picks"] | None = None

    def limits_for(self, radiation: Radiation) -> Limits:
        """Its limits, where they hold for tomograms that such a beam makes; else none."""
        return self.limits if radiation == "electrons" or self.xray else Limits()


def _read() -> dict[str, tuple[Definition, ...]]:
    """The tables of `figures.toml`, by group."""
    groups = tomllib.loads(Path(__file__).with_name("figures.toml").read_text(encoding="utf-8"))
    named = groups.pop("buckets")
    return {group: tuple(_row(name, row, named) for name, row in rows.items()) for group, rows in groups.items()}


def _row(name: str, row: dict[str, Any], named: Mapping[str, Sequence[float]]) -> Definition:
    if (buckets := row.get("buckets")) is not None:
        row["buckets"] = tuple(named[buckets] if isinstance(buckets, str) else buckets)
    if "xray" in row:
        row["xray"] = tuple(row["xray"])
    return Definition(name, **row | {"limits": Limits(**row.get("limits", {}))})


GROUPS = _read()
DEFINITIONS: Mapping[str, Definition] = {measure.name: measure for group in GROUPS.values() for measure in group}
_OF_FEATURES = sorted((name for name in DEFINITIONS if name.startswith("<")), key=len, reverse=True)


def definition_of(name: str) -> Definition | None:
    """What the figure `name` is; None where there is none of that name, for whatever feature."""
    if (measure := DEFINITIONS.get(name)) is not None:
        return measure
    for pattern in _OF_FEATURES:
        ending = pattern.removeprefix("<feature>")
        if name.endswith(ending) and name != ending:
            return DEFINITIONS[pattern]
    return None


def limits_in_force(figure: str, said: Mapping[str, float | None], radiation: Radiation = "electrons") -> Limits:
    """The limits of a figure in a recipe: those that it says, and the published ones where it says nothing."""
    measure = definition_of(figure)
    published = measure.limits_for(radiation) if measure else Limits()
    return replace(published, **{key: value for key, value in said.items() if value is not None})


def judged(quality: Quality, limits: Limits | None = None, radiation: Radiation = "electrons") -> Quality:
    """With the verdict that `limits`, or else the measure's own, give its value.

    What was found wrong by other signs than the value (a dead half), or is missing, stays so; what has passed such a
    check, and has no limits, stays good. For tomograms of another `radiation`, signs and the measure's own limits that
    hold for electrons alone count for nothing.
    """
    measure = definition_of(quality.name)
    value = quality.value
    if measure is None or value is None:
        return quality
    if radiation == "xray" and quality.verdict in _JUDGEMENTS and quality.verdict not in measure.xray:
        quality = replace(quality, verdict="unjudged", reason="")
    if quality.verdict not in ("good", "unjudged"):
        return quality
    limits = limits or measure.limits_for(radiation)
    verdict = limits.verdict(value)
    if verdict == "unjudged":
        return quality
    if verdict == "good":
        return replace(quality, verdict="good")
    return replace(quality, verdict=verdict, reason=_reason(measure, limits, quality))


def _reason(measure: Definition, limits: Limits, quality: Quality) -> str:
    value = quality.value or 0.0
    low = _below(value, limits.warn_below) or _below(value, limits.bad_below)
    sentence = (measure.low if low else measure.high).format(value=value, rest=1 - value)
    return sentence or f"{value:g} {measure.unit}".strip() + f" is {'less' if low else 'more'} than the recipe's limit"


def _below(value: float, limit: float | None) -> bool:
    return limit is not None and value < limit


def _above(value: float, limit: float | None) -> bool:
    return limit is not None and value > limit
