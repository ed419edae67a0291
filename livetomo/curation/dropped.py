"""What rules of curation have left out, counted by reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many picks of a tomogram a rule has left out; 0 where it had nothing against any."""

    tomogram: str
    rule: str
    why: str
    picks: int


def by_reason(dropped: Iterable[Dropped]) -> list[dict[str, Any]]:
    """How many picks each rule has left out, for each reason that it gives, in all and of each tomogram; as JSON."""
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for each in dropped:
        those = counts.setdefault((each.rule, each.why), {})
        those[each.tomogram] = those.get(each.tomogram, 0) + each.picks
    return [
        {"rule": rule, "why": why, "picks": sum(those.values()), "tomograms": those}
        for (rule, why), those in counts.items()
    ]
