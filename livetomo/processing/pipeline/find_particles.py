"""From maps to particles by a recipe: competition, interactions, picking, curation; the same for maps of any origin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from livetomo.config.recipe.picks import Away, Calibrate, Consensus, Curate, Duplicates, Near, Pick, Quantile
from livetomo.config.recipe.recipe import MapRecipe, Recipe
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import Removed
from livetomo.core.picks import Picks
from livetomo.processing import interact
from livetomo.processing.pick import curate
from livetomo.processing.pick.maxima import maxima


@dataclass(frozen=True, slots=True)
class FoundParticles:
    """What was found: candidates by feature, strongest first, and what each rule of curation took from them."""

    candidates: Mapping[str, Picks] = field(default_factory=dict)
    removed: Mapping[str, Sequence[Removed]] = field(default_factory=dict)

    def published(self, rule: Pick) -> Picks:
        """The picks of a rule's feature that are above its threshold."""
        return self.candidates[rule.feature].above(rule.threshold)


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


def find(maps: Mapping[str, Tensor], recipe: Recipe | MapRecipe, grid: TomogramGeometry) -> FoundParticles:
    """The particles of every `[[pick]]`, curated; positions in voxels of the maps."""
    candidates = {rule.feature: pick(maps[rule.feature], rule, grid) for rule in recipe.pick}
    removed: dict[str, list[Removed]] = {}
    thresholds = {rule.feature: rule.threshold for rule in recipe.pick}
    for number, curation in enumerate(recipe.curate, start=1):
        name = curation.feature
        before = candidates[name]
        after = _curated(before, curation, maps, candidates, thresholds, grid)
        candidates[name] = after
        published = len(before.above(thresholds[name])) - len(after.above(thresholds[name]))
        counts = Removed(number, curation.rule, published, len(before) - len(after))
        removed.setdefault(name, []).append(counts)
    return FoundParticles(candidates, removed)


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
        case Calibrate():
            return picks  # it needs the session's other tomograms: see session_picks
