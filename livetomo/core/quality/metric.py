"""Named, unit-bearing numbers about one tomogram, each with a verdict."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from livetomo.core.json_object import JsonObject, NotGiven, json_object

# good: a limit or a check was met. unjudged: there is none, so that the value says nothing about good or bad.
Verdict = Literal["good", "warn", "bad", "unjudged", "missing"]
WORST_VERDICT: Verdict = "warn"
"""The worst verdict of tomograms whose picks go into averages, where nobody asks for another."""
_SEVERITY: tuple[Verdict, ...] = ("missing", "unjudged", "good", "warn", "bad")


@dataclass(frozen=True, slots=True)
class Quality:
    """One figure. `unit` is "" for a ratio or a count; `value` is None only where `verdict` is missing.

    `reason` says in one sentence why the verdict is warn, bad or missing.
    """

    name: str
    value: float | None
    unit: str
    verdict: Verdict = "unjudged"
    reason: str = ""

    def __post_init__(self) -> None:
        if (self.value is None or not math.isfinite(self.value)) and self.verdict != "missing":
            raise ValueError(f"quality {self.name}: {self.value} has the verdict {self.verdict}; say missing")

    def to_json(self) -> dict[str, Any]:
        """As it stands in `result.json` and in messages."""
        body: dict[str, Any] = {"value": self.value, "unit": self.unit, "verdict": self.verdict}
        return body | ({"reason": self.reason} if self.reason else {})

    @staticmethod
    def from_json(name: str, body: JsonObject) -> "Quality":
        """The inverse of `to_json`."""
        return Quality(name, body.number("value", None), body.text("unit"), verdict_in(body), body.text("reason", ""))


def qualities(body: JsonObject) -> dict[str, Quality]:
    """The figures of an object that holds each by its name, as `Quality.to_json` writes it."""
    return {name: Quality.from_json(name, json_object(one, body.at(name))) for name, one in body.body.items()}


def poor(figures: Mapping[str, Mapping[str, Any]]) -> dict[str, Quality]:
    """Those that are warn or bad of such figures; the others, which are most, are not read."""
    return qualities(JsonObject({name: one for name, one in figures.items() if one["verdict"] in ("warn", "bad")}))


def verdict_in(body: JsonObject) -> Verdict:
    """The `verdict` of an object."""
    verdict: Any = body.text("verdict")
    if verdict not in _SEVERITY:
        raise NotGiven(f"it does not give {body.at('verdict')} as one of {', '.join(get_args(Verdict))}")
    return verdict  # type: ignore[no-any-return]


def reasons(figures: Iterable[Quality]) -> list[str]:
    """Why a verdict is not good: a sentence for each figure that is bad, then for each that is warn."""
    poor = sorted((one for one in figures if one.verdict in ("warn", "bad")), key=lambda one: one.verdict != "bad")
    return [one.reason or f"{one.name} is {one.verdict}" for one in poor]


def is_worse(verdict: Verdict, than: Verdict) -> bool:
    """Whether one verdict is worse than another; what was not judged is better than what was."""
    return _SEVERITY.index(verdict) > _SEVERITY.index(than)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of the whole: its worst part that was judged; unjudged where none was, missing where all are."""
    return max(verdicts, key=_SEVERITY.index, default="missing")
