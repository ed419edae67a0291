"""The stages between maps and particles: interactions, labels, picking; in voxels of the tomogram where it ends.

What is done to a feature is done to its decoy.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from torch import Tensor

from livetomo.config.recipe.features import label_thresholds
from livetomo.config.recipe.picks import Pick
from livetomo.core.picks import Picks
from livetomo.processing.pick.false_share import FalseShares, NotEstimated, false_shares
from livetomo.processing.pipeline.decoys import decoy_of, treating_decoys_alike
from livetomo.processing.pipeline.feature_maps import FeatureMaps
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.find_particles import FoundParticles, change_maps, find
from livetomo.processing.pipeline.match_candidates import MatchInput, matched
from livetomo.processing.segment.labels import labelled


def interact(maps: FeatureMaps, plan: FeaturePlan) -> FeatureMaps:
    """The maps after the recipe's competition and interactions."""
    changed = change_maps(_with_decoys(maps), treating_decoys_alike(plan.recipe, maps.decoys), plan.grid.maps)
    decoys = {name: changed.pop(decoy_of(name)) for name in maps.decoys}
    return replace(maps, maps=changed, decoys=decoys)


def _with_decoys(maps: FeatureMaps) -> Mapping[str, Tensor]:
    return {**maps.maps, **{decoy_of(name): decoy for name, decoy in maps.decoys.items()}}


def label(maps: FeatureMaps, plan: FeaturePlan) -> npt.NDArray[np.int8] | None:
    """Which feature each voxel of the grid belongs to; None where the recipe has no feature with an extent."""
    thresholds = label_thresholds(plan.recipe.feature)
    if not thresholds:
        return None
    return labelled([maps.maps[name] for name in thresholds], list(thresholds.values())).cpu().numpy()


def pick(maps: FeatureMaps, plan: FeaturePlan, compared: Mapping[str, MatchInput] | None = None) -> FoundParticles:
    """The recipe's particles, in voxels of the tomogram; none of a feature that is missing.

    Those of a feature with a decoy have the share of false picks that it lets expect: by their scores, which are the
    same whether or not they are `compared` with a map. Decoys are not.
    """

    def refine(picks: Picks, rule: Pick) -> Picks:
        with_what = (compared or {}).get(rule.feature)
        if with_what is None:
            return picks
        return plan.grid.in_maps(matched(plan.grid.in_tomogram(picks), rule, with_what, plan.grid.tomogram.shape_zyx))

    recipe = treating_decoys_alike(plan.recipe, maps.decoys)
    found = find(_with_decoys(maps), recipe, plan.grid.maps, refine)
    candidates, shares = {}, {}
    for rule in plan.recipe.pick:
        name = rule.feature
        picks = Picks.none() if name in plan.missing else plan.grid.in_tomogram(found.candidates[name])
        if name in maps.decoys:
            decoys = found.candidates[decoy_of(name)]
            shares[name] = false_shares(picks.score, decoys.score, *plan.calibration(name))
            picks = _with_shares(picks, shares[name])
        candidates[name] = picks
    return replace(found, candidates=candidates, false_shares=shares)


def _with_shares(picks: Picks, shares: FalseShares | NotEstimated) -> Picks:
    if isinstance(shares, NotEstimated):
        return picks
    return replace(picks, false_share=shares.value.astype(np.float32))
