"""Rules that look at other features of the same result: near them, away from them, not the same as their picks."""

from dataclasses import dataclass

from livetomo.core.curation import Distances, Mask, nearest, without_stronger
from livetomo.core.errors import CurationImpossible
from livetomo.core.picks import Picks
from livetomo.curation.labels import LABELS, distances_to_labels, has_labels
from livetomo.curation.rule import Rule, Surroundings
from livetomo.formats.frame import Placed


@dataclass(frozen=True, slots=True)
class KeepBeside(Rule):
    """Keep what is near another feature, or what is not: by its labels or, without these, by its published picks."""

    partner: str
    distance_angstrom: float
    keep_near: bool
    asks_result = True

    @property
    def name(self) -> str:
        return "near" if self.keep_near else "away"

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        if has_labels(around, self.partner):
            distance, by = distances_to_labels(placed.picks, around, self.partner), "labels"
        else:
            distance, by = self._to_picks(placed, around), "picks"
        is_near: Mask = distance <= self.distance_angstrom
        if self.keep_near:
            return is_near, f"farther than {self.distance_angstrom:g} Å from the {by} of {self.partner}"
        return ~is_near, f"within {self.distance_angstrom:g} Å of the {by} of {self.partner}"

    def _to_picks(self, placed: Placed, around: Surroundings) -> Distances:
        others = _picks_of(around, self.partner, also_labels=True)
        return nearest(others.position, placed.picks.position) * placed.frame.geometry.voxel_size_angstrom


@dataclass(frozen=True, slots=True)
class KeepDistinct(Rule):
    """Keep what is not within a distance of a stronger pick of another feature.

    Where both are as strong, that of the feature that the recipe picks first is kept.
    """

    partner: str
    distance_angstrom: float
    name = "distinct"
    asks_result = True

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        others = _picks_of(around, self.partner)
        order = list(around.manifest.picks)
        first = order.index(around.feature) < order.index(self.partner)
        distance = placed.frame.geometry.voxels(self.distance_angstrom)
        why = f"within {self.distance_angstrom:g} Å of a stronger pick of {self.partner}"
        return without_stronger(placed.picks, others, distance, wins_ties=first), why


def _picks_of(around: Surroundings, feature: str, *, also_labels: bool = False) -> Picks:
    manifest = around.manifest
    if feature == around.feature:
        raise CurationImpossible(
            f"the picks of {feature} are compared with themselves: name another feature. Picks that are closer to each "
            'other than a distance are left out by the recipe\'s rule "duplicates"'
        )
    if feature not in manifest.picks:
        raise CurationImpossible(_nothing_of(feature, around, also_labels))
    if why := manifest.picks[feature].missing:
        raise CurationImpossible(f"{feature} was not looked for in {manifest.tomogram.name}: {why}")
    return around.published(feature)


def _nothing_of(feature: str, around: Surroundings, also_labels: bool) -> str:
    """What a person can do about it."""
    manifest = around.manifest
    picked = f"features with picks are {', '.join(manifest.picks)}"
    way = f"give {feature} a [[pick]] in the recipe, and process it again (livetomo reprocess)"
    if not also_labels:
        return f"there are no picks of {feature} in {manifest.tomogram.name} ({picked}): {way}"
    labelled = [name for name in manifest.labels if has_labels(around, name)]
    there = f"features with labels are {', '.join(labelled)}" if labelled else f"there is no usable {LABELS}"
    return (
        f"there are neither labels nor picks of {feature} in {manifest.tomogram.name} ({there}; {picked}): "
        f'write keep = ["labels"] in the recipe, or {way}'
    )
