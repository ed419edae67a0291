"""From maps to particles by a recipe: competition, interactions, picking, curation; the same for maps of any origin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from torch import Tensor

from livetomo.config.recipe.picks import (
    Away,
    Calibrate,
    Consensus,
    Curate,
    Distinct,
    Duplicates,
    Edge,
    Near,
    OtherRecipe,
    Pick,
    Quantile,
    Region,
    Top,
)
from livetomo.config.recipe.recipe import MapRecipe, Recipe
from livetomo.core.curation import in_boxes, off_the_faces, strongest, without_stronger
from livetomo.core.exclusion import Box
from livetomo.core.false_share import FalseShare
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import Removed
from livetomo.core.picks import Picks
from livetomo.processing import interact
from livetomo.processing.pick import curate
from livetomo.processing.pick.false_share import FalseShares, NotEstimated
from livetomo.processing.pick.maxima import maxima


@dataclass(frozen=True, slots=True)
class CurationStep:
    """What one rule of curation did. number: of the rule, from 1. before, after: (n,), the candidates' scores."""

    number: int
    rule: str
    before: npt.NDArray[np.float32]
    after: npt.NDArray[np.float32]

    def removed(self, threshold: float) -> Removed:
        """How many it took, of those above the threshold and in all."""
        picks = int((self.before >= threshold).sum()) - int((self.after >= threshold).sum())
        return Removed(self.number, self.rule, picks, len(self.before) - len(self.after))


@dataclass(frozen=True, slots=True)
class FoundParticles:
    """What was found, by feature: candidates, strongest first, and what each rule of curation did to them.

    false_shares: of the features that were looked for in a decoy, how many of the candidates are expected to be false.
    """

    candidates: Mapping[str, Picks] = field(default_factory=dict)
    curation: Mapping[str, Sequence[CurationStep]] = field(default_factory=dict)
    false_shares: Mapping[str, FalseShares | NotEstimated] = field(default_factory=dict)

    def threshold(self, rule: Pick) -> float:
        """The score from which on a rule's particles are published: its own, or where its share of false picks ends."""
        shares = self.false_shares.get(rule.feature)
        if rule.false_share is None or not isinstance(shares, FalseShares):
            return rule.threshold
        return max(rule.threshold, shares.threshold(rule.false_share))

    def published(self, rule: Pick) -> Picks:
        """The picks of a rule's feature."""
        return self.candidates[rule.feature].above(self.threshold(rule))

    def false_share(self, rule: Pick) -> tuple[FalseShare | None, str]:
        """How many of a rule's published picks are expected to be false, or why that is not known."""
        match self.false_shares.get(rule.feature):
            case None:
                return None, ""
            case NotEstimated(reason):
                return None, reason
            case shares:
                found = shares.of_those_above(self.threshold(rule))
                return found, "" if found else "no candidate was published"

    def removed(self, rule: Pick) -> tuple[Removed, ...]:
        """What each rule of curation took from the particles of a rule's feature."""
        return tuple(step.removed(self.threshold(rule)) for step in self.curation.get(rule.feature, ()))


def change_maps(maps: Mapping[str, Tensor], recipe: Recipe | MapRecipe, grid: TomogramGeometry) -> dict[str, Tensor]:
    """The maps after competition and interactions, these in the recipe's order on what the one before has left."""
    changed = interact.compete(maps, emit=recipe.competition.emit, absorb=recipe.competition.absorb)
    for rule in recipe.interaction:
        act = interact.avoid if rule.avoid else interact.colocalize
        whole = rule.radius_angstrom // grid.voxel_size_angstrom
        changed[rule.feature] = act(
            changed[rule.feature],
            changed[rule.partner],
            threshold=rule.threshold,
            radius_voxels=whole if rule.slicewise else grid.voxels(rule.radius_angstrom),
            slicewise=rule.slicewise,
        )
    return changed


def _as_picked(picks: Picks, rule: Pick) -> Picks:
    """Refined by nothing."""
    return picks


def find(
    maps: Mapping[str, Tensor],
    recipe: Recipe | MapRecipe,
    grid: TomogramGeometry,
    refine: Callable[[Picks, Pick], Picks] = _as_picked,
) -> FoundParticles:
    """The particles of every `[[pick]]`, curated; positions in voxels of the maps.

    refine: what becomes of a rule's candidates before they are curated.
    """
    candidates = {rule.feature: refine(pick(maps[rule.feature], rule, grid), rule) for rule in recipe.pick}
    steps: dict[str, list[CurationStep]] = {}
    thresholds = {rule.feature: rule.threshold for rule in recipe.pick}
    for number, curation in enumerate(recipe.curate, start=1):
        name = curation.feature
        before = candidates[name]
        after = _curated(before, curation, maps, candidates, thresholds, grid)
        candidates[name] = after
        steps.setdefault(name, []).append(CurationStep(number, curation.rule, before.score, after.score))
    return FoundParticles(candidates, steps)


def pick(probability: Tensor, rule: Pick, grid: TomogramGeometry) -> Picks:
    """The candidates of one map, strongest first; their volumes in Å³ where the method knows them."""
    spacing = grid.voxels(rule.min_spacing_angstrom)
    edge = grid.voxels(rule.edge_angstrom)
    if rule.method == "maxima":
        return maxima(probability.float(), threshold=rule.candidate_threshold, spacing_voxels=spacing, edge_voxels=edge)
    from livetomo.processing.pick.regions import regions  # scikit-image, for those that need it

    picks = regions(
        probability.cpu().numpy(),
        threshold=rule.threshold,
        candidate_threshold=rule.candidate_threshold,
        least_voxels=rule.min_volume_angstrom3 / grid.voxel_size_angstrom**3,
        spacing_voxels=spacing,
        edge_voxels=edge,
        split=rule.method != "centroid",
        place="deepest" if rule.method == "deepest" else "centroid",
    )
    return Picks(picks.position, picks.score, (picks.volume * grid.voxel_size_angstrom**3).astype(np.float32))


def _curated(
    picks: Picks,
    rule: Curate,
    maps: Mapping[str, Tensor],
    candidates: Mapping[str, Picks],
    thresholds: Mapping[str, float],
    grid: TomogramGeometry,
) -> Picks:
    match rule:
        case Near() | Away():
            distance = grid.voxels(rule.distance_angstrom)
            keep_near = rule.rule == "near"
            return curate.by_partner(
                picks, maps[rule.partner], threshold=rule.threshold, distance_voxels=distance, keep_near=keep_near
            )
        case Duplicates():
            return curate.duplicates(picks, distance_voxels=grid.voxels(rule.distance_angstrom))
        case Consensus():
            partners = [candidates[name].above(thresholds[name]) for name in rule.partners]
            distance = grid.voxels(rule.distance_angstrom)
            return curate.consensus(picks, partners, at_least=rule.at_least, distance_voxels=distance)
        case Quantile():
            published = picks.above(thresholds[rule.feature])
            return curate.quantile(picks, published=published, lowest=rule.lowest)
        case Edge():
            return picks.where(off_the_faces(picks, grid.shape_zyx, grid.voxels(rule.distance_angstrom)))
        case Region():
            return picks.where(in_boxes(picks, [_in_voxels(rule.box_angstrom, grid)]))
        case Top():
            return picks.where(strongest(picks, rule.number))
        case Distinct():
            partner = candidates[rule.partner].above(thresholds[rule.partner])
            order = list(thresholds)
            first = order.index(rule.feature) < order.index(rule.partner)
            return picks.where(without_stronger(picks, partner, grid.voxels(rule.distance_angstrom), wins_ties=first))
        case Calibrate() | OtherRecipe():
            return picks  # they need other results: see session_picks


def _in_voxels(box_angstrom: Box, grid: TomogramGeometry) -> Box:
    """Along each axis by the voxels' own spacing, which is not quite the nominal one where maps have other voxels."""
    spacings = np.array(grid.extent_angstrom) / grid.shape_zyx[::-1]
    size = dict(zip("xyz", spacings.tolist(), strict=True))
    return {axis: (low / size[axis], high / size[axis]) for axis, (low, high) in box_angstrom.items()}
