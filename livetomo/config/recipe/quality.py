"""A recipe's tables about quality: limits of figures in place of the published ones, and a session's baseline."""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Annotated, Self

from pydantic import Field, model_validator

from livetomo.config.user_file import UserModel
from livetomo.core.quality.definitions import DEFINITIONS, Limits, Radiation, limits_in_force
from livetomo.core.quality.session_baseline import DEVIATIONS, FEWEST_TOMOGRAMS
from livetomo.core.units import Number, whole_number

_KEYS = tuple(field.name for field in fields(Limits))


class Limit(UserModel):
    """Limits of a quality figure, in its unit. Limits that are not given here are the published ones (docs/quality.md).

    figure: the figure's name there; write the feature's name in place of `<feature>`.
    warn_below: smaller values are *warn*.
    bad_below: smaller values are *bad*.
    warn_above: larger values are *warn*.
    bad_above: larger values are *bad*.
    """

    figure: str
    warn_below: Number | None = None
    bad_below: Number | None = None
    warn_above: Number | None = None
    bad_above: Number | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if all(getattr(self, key) is None for key in _KEYS):
            raise ValueError(f'"{self.figure}" has no limit: give one of {", ".join(_KEYS)}')
        return self

    def merged(self, radiation: Radiation) -> Limits:
        """With the published ones, where they hold for such tomograms, where this says nothing."""
        return limits_in_force(self.figure, {key: getattr(self, key) for key in _KEYS}, radiation)


class Baseline(UserModel):
    """What is unusual for a session: a figure that is far from the median of the session's tomograms so far is *warn*.

    tomograms: the smallest number of tomograms for such a comparison.
    deviations: how many robust standard deviations (1.4826 times the median absolute deviation) count as far; twice as
        many if there are only 8 tomograms. 0: nothing counts as unusual.
    """

    tomograms: Annotated[int, Field(ge=3), whole_number] = FEWEST_TOMOGRAMS
    deviations: Annotated[Number, Field(ge=0)] = DEVIATIONS


def limits_of(given: Sequence[Limit], radiation: Radiation) -> Mapping[str, Limits]:
    """A recipe's limits by the names of their figures."""
    return {limit.figure: limit.merged(radiation) for limit in given}


def limit_faults(given: Sequence[Limit], features: Collection[str], radiation: Radiation) -> Iterator[str]:
    """What is wrong with limits in a recipe of these features."""
    named = [limit.figure for limit in given]
    for name in sorted({name for name in named if named.count(name) > 1}):
        yield f'"{name}" has two limits; make them one'
    known = sorted(figures(features))
    for name in dict.fromkeys(named):
        if name not in known:
            yield f'limit: "figure": {no_figure(name, known)}'
    for limit in given:
        merged = limit.merged(radiation)
        low = [value for value in (merged.bad_below, merged.warn_below) if value is not None]
        high = [value for value in (merged.warn_above, merged.bad_above) if value is not None]
        if low + high != sorted(low + high):
            says = ", ".join(f"{key} {value:g}" for key in _KEYS if (value := getattr(merged, key)) is not None)
            yield f'limit of "{limit.figure}": {says}: these are not in order (bad lies beyond warn)'


def no_figure(name: str, known: Sequence[str]) -> str:
    """That there is none of this name, and which might be meant."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f'Did you mean "{close[0]}"?' if close else f"There are {', '.join(known)}"
    return f'there is no figure "{name}". {hint}'


def figures(features: Collection[str]) -> set[str]:
    """Every figure that there can be in a recipe of these features."""
    return {
        name.replace("<feature>", feature) for name in DEFINITIONS for feature in (features if "<" in name else ("",))
    }
