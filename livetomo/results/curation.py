"""Acts by rules on a session's picks, those of its recipes first; what decides is read from result folders."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from livetomo.core.errors import CurationImpossible, PermanentError, ResultUnreadable
from livetomo.core.manifest import ResultManifest
from livetomo.core.picks import Picks
from livetomo.core.tomogram import result_name
from livetomo.curation.consensus import KeepAgreedWithRecipe
from livetomo.curation.dropped import Dropped
from livetomo.curation.labels import LABELS
from livetomo.curation.rule import Rule, kept_by
from livetomo.formats.frame import Placed
from livetomo.formats.mrc import read_volume
from livetomo.results.folder import Result, read_result
from livetomo.results.left_out import LeftOut
from livetomo.results.result_picks import published_picks
from livetomo.results.session_facts import SessionFacts


@dataclass(frozen=True, slots=True)
class AroundResult:
    """What the folder of a result says of the tomogram around a feature's picks.

    facts: what was taken out does not count; None: nothing was.
    """

    result: Result
    feature: str
    facts: SessionFacts | None = None

    @property
    def tomogram(self) -> str:
        """Its name."""
        return self.manifest.tomogram.name

    @property
    def manifest(self) -> ResultManifest:
        """Of the result."""
        return self.result.manifest

    def has_labels(self) -> bool:
        """Whether the file is there."""
        return (self.result.folder / LABELS).is_file()

    def labels(self) -> npt.NDArray[Any]:
        """(z, y, x) As they were published.

        Raises:
            ResultUnreadable: they cannot be read, or are not those that were published.
        """
        folder = self.result.folder
        path = folder / LABELS
        try:
            facts = self.manifest.files.get(LABELS)
            if facts is not None and facts.sha256 != _checksum(path):
                raise ResultUnreadable(folder, f"{LABELS} was changed: it has not the checksum that was published")
            return read_volume(path).voxels
        except OSError as fault:
            raise ResultUnreadable(folder, f"{LABELS}: {fault.strerror}") from None
        except PermanentError as fault:
            raise ResultUnreadable(folder, f"{LABELS} is damaged ({fault})") from None

    def published(self, feature: str) -> Picks:
        """From the candidates.

        Raises:
            ResultUnreadable: they cannot be read, or are not those that were published.
        """
        return published_picks(self.result, feature, self.facts)

    def of_recipe(self, recipe: str) -> Picks:
        """From the folder beside this one.

        Raises:
            CurationImpossible: there is none, or the feature was not looked for there.
            ResultUnreadable: it cannot be read.
        """
        mine, name = self.manifest, self.tomogram
        if mine.recipe.hash.startswith(recipe):
            raise CurationImpossible(f"the picks of {name} are those of recipe {recipe[:8]}: name another recipe")
        folder = self.result.folder.parent / result_name(mine.revision, recipe)
        if not folder.is_dir():
            raise CurationImpossible(
                f"recipe {recipe[:8]} has no result of revision {mine.revision} of {name}; the results of {name} "
                f"are {', '.join(sorted(path.name for path in folder.parent.glob('r*-*')))}. Process it with that "
                "recipe, too (livetomo reprocess)"
            )
        other = read_result(folder)
        if self.feature not in other.manifest.picks:
            there = ", ".join(other.manifest.picks) or "none"
            raise CurationImpossible(f"{folder.name} of {name} has no picks of {self.feature}; it has {there}")
        if why := other.manifest.picks[self.feature].missing:
            raise CurationImpossible(f"{self.feature} was not looked for in {folder.name} of {name}: {why}")
        return published_picks(other, self.feature, self.facts)


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
    around: AroundResult,
    rules: Sequence[Rule],
    count: Callable[[Dropped], None],
    leave_out: Callable[[LeftOut], None],
) -> Placed | None:
    """What the rules leave of one tomogram's picks; None where they cannot decide.

    count:     hears what each rule has left out.
    leave_out: hears why they cannot.
    """
    try:
        index, dropped = kept_by(rules, placed, around)
    except (CurationImpossible, ResultUnreadable) as fault:
        leave_out(LeftOut(placed.frame.name, fault))
        return None
    for each in dropped:
        count(each)
    return replace(placed, picks=placed.picks.where(index))


def refuse_if_impossible(left_out: Iterable[LeftOut], dropped: Sequence[Dropped]) -> None:
    """Raise what a rule cannot decide by, if it could not in any tomogram: files without any pick would say nothing."""
    faults = [left.fault for left in left_out if isinstance(left.fault, CurationImpossible)]
    if faults and not dropped:
        raise faults[0]


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
