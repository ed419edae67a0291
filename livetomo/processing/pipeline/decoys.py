"""Decoys: the features whose picks are to be believed, looked for a second time in a volume that cannot hold them.

The decoy is the tomogram with its contrast inverted, where it has been brought to what a method sees. It has the
tomogram's spectrum, missing wedge, noise and edges, and no matter that is dense. A decoy cannot see what looks like the
particle but is none, as a shell of protein may: a calibration on tomograms whose truth is known makes up for that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from torch import Tensor

from livetomo.config.recipe.features import NetworkFeature
from livetomo.config.recipe.picks import Away, Duplicates, Edge, Near, Pick, Region
from livetomo.config.recipe.recipe import Interaction, Recipe
from livetomo.processing.networks.package import Models
from livetomo.processing.pipeline.feature_maps import FeatureMaps, SegmentationInputs, segment
from livetomo.processing.pipeline.feature_plan import FeaturePlan

Rule = TypeVar("Rule", Interaction, Pick, Near | Away | Duplicates | Edge | Region)


def with_decoys_(
    maps: FeatureMaps,
    denoised: Tensor,
    inputs: SegmentationInputs,
    plan: FeaturePlan,
    models: Models,
    blank: Tensor | None = None,
) -> FeatureMaps:
    """The maps, and those of the decoys that the recipe asks for; as `segment`. The networks' inputs are inverted."""
    alone = plan.of_features(plan.decoyed())
    inverted = SegmentationInputs(
        network_inputs={name: inputs.network_inputs[name].neg_() for name in alone.networks()},
        as_read=None if inputs.as_read is None else inputs.as_read.neg_(),
    )
    by_network = all(isinstance(feature, NetworkFeature) for feature in alone.recipe.feature)
    seen = denoised if by_network else denoised.neg()  # as large as the tomogram, and networks do not look at it
    return replace(maps, decoys=segment(seen, inverted, alone, models, blank).maps)


def decoy_of(feature: str) -> str:
    """What a feature's decoy is called; no recipe can name a feature so."""
    return f"{feature} (decoy)"


def treating_decoys_alike(recipe: Recipe, decoyed: Iterable[str]) -> Recipe:
    """A recipe that does to each of these features' decoys what it does to the feature, beside the same partners."""
    names = {feature: decoy_of(feature) for feature in decoyed}
    absorb = recipe.competition.absorb
    also = tuple(names[feature] for feature in absorb if feature in names)
    acting = [rule for rule in recipe.curate if isinstance(rule, Near | Away | Duplicates | Edge | Region)]
    return recipe.model_copy(
        update={
            "competition": recipe.competition.model_copy(update={"absorb": absorb + also}),
            # each beside its own, where the partner is as it is for the feature
            "interaction": tuple(each for rule in recipe.interaction for each in (rule, *_of_decoys([rule], names))),
            "pick": (*recipe.pick, *_of_decoys(recipe.pick, names)),
            "curate": (*recipe.curate, *_of_decoys(acting, names)),
        }
    )


def _of_decoys(rules: Iterable[Rule], names: Mapping[str, str]) -> list[Rule]:
    """The rules of features that have a decoy, for that."""
    return [rule.model_copy(update={"feature": names[rule.feature]}) for rule in rules if rule.feature in names]
