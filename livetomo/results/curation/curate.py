"""Acts by rules on a session's picks, those of its recipes first, and counts what each has left out."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from livetomo.core.errors import CurationImpossible, ResultUnreadable
from livetomo.formats.frame import Placed
from livetomo.results.curation.consensus import KeepAgreedWithRecipe
from livetomo.results.curation.rule import Dropped, Rule, Surroundings
from livetomo.results.folder import Result
from livetomo.results.left_out import LeftOut


def ignore(dropped: Dropped) -> None:
    """For those who do not count."""


def rules_of_recipe(result: Result, feature: str) -> list[Rule]:
    """The rules of the recipe that a result was made with which act on a session's files alone."""
    return [
        KeepAgreedWithRecipe(table["recipe"], table["distance_angstrom"])
        for table in result.manifest.recipe.settings.get("curate", ())
        if table["rule"] == "other_recipe" and table["feature"] == feature
    ]


def curated(
    placed: Placed,
    around: Surroundings,
    rules: Sequence[Rule],
    count: Callable[[Dropped], None],
    leave_out: Callable[[LeftOut], None],
) -> Placed | None:
    """What the rules leave of one tomogram's picks, one after the other; None where they cannot decide.

    count:     hears what each rule has left out.
    leave_out: hears why they cannot.
    """
    dropped = []
    for rule in rules:
        try:
            kept, why = rule.keeps(placed, around)
        except (CurationImpossible, ResultUnreadable) as fault:
            leave_out(LeftOut(placed.frame.name, fault))
            return None
        dropped.append(Dropped(placed.frame.name, rule.name, why, len(kept) - int(kept.sum())))
        placed = replace(placed, picks=placed.picks.where(kept))
    for each in dropped:
        count(each)
    return placed


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


def refuse_if_impossible(left_out: Iterable[LeftOut], dropped: Sequence[Dropped]) -> None:
    """Raise what a rule cannot decide by, if it could not in any tomogram: files without any pick would say nothing."""
    faults = [left.fault for left in left_out if isinstance(left.fault, CurationImpossible)]
    if faults and not dropped:
        raise faults[0]
