"""The stages between maps and particles: interactions, labels, picking; in voxels of the tomogram where it ends."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from livetomo.config.recipe.features import label_thresholds
from livetomo.core.picks import Picks
from livetomo.processing.pipeline.feature_maps import FeatureMaps
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.find_particles import FoundParticles, change_maps, find
from livetomo.processing.segment.labels import labelled


def interact(maps: FeatureMaps, plan: FeaturePlan) -> FeatureMaps:
    """The maps after the recipe's competition and interactions."""
    return replace(maps, maps=change_maps(maps.maps, plan.recipe, plan.grid.maps))


def label(maps: FeatureMaps, plan: FeaturePlan) -> npt.NDArray[np.int8] | None:
    """Which feature each voxel of the grid belongs to; None where the recipe has no feature with an extent."""
    thresholds = label_thresholds(plan.recipe.feature)
    if not thresholds:
        return None
    return labelled([maps.maps[name] for name in thresholds], list(thresholds.values())).cpu().numpy()


def pick(maps: FeatureMaps, plan: FeaturePlan) -> FoundParticles:
    """The recipe's particles, in voxels of the tomogram; none of a feature that is missing."""
    found = find(maps.maps, plan.recipe, plan.grid.maps)
    candidates = {
        name: Picks.none() if name in plan.missing else plan.grid.in_tomogram(picks)
        for name, picks in found.candidates.items()
    }
    return replace(found, candidates=candidates)
