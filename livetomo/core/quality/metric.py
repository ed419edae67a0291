"""Named, unit-bearing numbers about one tomogram, each with a verdict."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

# good: a limit or a check was met. unjudged: there is none, so that the value says nothing about good or bad.
Verdict = Literal["good", "warn", "bad", "unjudged", "missing"]
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
    def from_json(name: str, body: Mapping[str, Any]) -> "Quality":
        """The inverse of `to_json`."""
        return Quality(name, body["value"], body["unit"], body["verdict"], body.get("reason", ""))


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of the whole: its worst part that was judged; unjudged where none was, missing where all are."""
    return max(verdicts, key=_SEVERITY.index, default="missing")
