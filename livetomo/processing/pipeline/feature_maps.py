"""The maps of a recipe's features, all on one grid, by built-in methods and by networks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from livetomo.config.recipe.features import BlobFeature, DenseFeature, NetworkFeature, RidgeFeature
from livetomo.core.errors import MapNotFinite
from livetomo.processing.blank import on_grid
from livetomo.processing.networks.inference import segment_canonical
from livetomo.processing.networks.package import Models
from livetomo.processing.pipeline.feature_plan import FeaturePlan, Package
from livetomo.processing.pipeline.plugins import maps_of_plugin
from livetomo.processing.segment.canonical import to_canonical
from livetomo.processing.segment.weight_free import blob, dense, ridge


@dataclass(frozen=True, slots=True)
class SegmentationInputs:
    """What segmentation needs of a volume before clipping and denoising take it away.

    dense_masks: uint8, by feature, on the tomogram's grid.
    network_inputs: by network, what it is to see, at its own voxel size.
    as_read: the clipped volume, where a plug-in is to see it and denoising has changed it.
    """

    dense_masks: Mapping[str, Tensor] = field(default_factory=dict)
    network_inputs: Mapping[str, Tensor] = field(default_factory=dict)
    as_read: Tensor | None = None


@dataclass(frozen=True, slots=True)
class FeatureMaps:
    """Every feature's map, (z, y, x) on the plan's grid, 0..1, of whatever type holds it best.

    mirror_agreement: of features that a network looked for over mirror images, how far its answers agree.
    decoys: the maps of the features whose share of false picks is estimated, of the decoy (see `decoys.py`).
    """

    maps: Mapping[str, Tensor]
    mirror_agreement: Mapping[str, float] = field(default_factory=dict)
    decoys: Mapping[str, Tensor] = field(default_factory=dict)


def dense_masks(normalised: Tensor, plan: FeaturePlan) -> dict[str, Tensor]:
    """Very dense matter in a normalised volume that is not clipped: by feature, on the plan's grid."""
    return {
        feature.name: plan.grid.bring(
            dense(
                normalised, deviations=feature.deviations, grow_voxels=plan.grid.tomogram.voxels(feature.grow_angstrom)
            )
        )
        for feature in plan.recipe.feature
        if isinstance(feature, DenseFeature)
    }


def network_inputs(clipped: Tensor, plan: FeaturePlan, blank: Tensor | None) -> dict[str, Tensor]:
    """What each network is to see of a clipped volume that is not denoised. blank: bool, voxels that hold nothing."""
    size = plan.grid.tomogram.voxel_size_angstrom
    return {
        name: to_canonical(clipped, voxel_size_angstrom=size, canonical=package.card.canonical, blank=blank)
        for name, package in plan.networks().items()
    }


def segment(
    denoised: Tensor, inputs: SegmentationInputs, plan: FeaturePlan, models: Models, blank: Tensor | None = None
) -> FeatureMaps:
    """Every feature's map; 0 of an unfit network, and where the tomogram is blank.

    blank: bool, on the tomogram's grid: voxels that hold nothing.

    Raises:
        MapNotFinite: a map has values that are not numbers.
        PluginFailed, PluginAway: a plug-in is to find a feature.
    """
    found = dict(inputs.dense_masks)
    found |= {name: torch.zeros((), device=denoised.device).expand(plan.grid.maps.shape_zyx) for name in plan.unfit}
    found |= _by_methods(denoised, plan, blank)
    for run in plan.by_plugin():
        as_read = denoised if inputs.as_read is None else inputs.as_read
        density = as_read if run[0].input == "read" else denoised
        for name, probability in maps_of_plugin(density, run, plan.grid.tomogram).items():
            found[name] = plan.grid.bring(probability)
    agreement: dict[str, float] = {}
    for (name, mirrors), features in plan.served().items():
        made = _by_network(inputs.network_inputs[name], plan, plan.networks()[name], mirrors, features, models)
        found |= made.maps
        agreement |= made.mirror_agreement
    nothing = None if blank is None else on_grid(blank, plan.grid.maps.shape_zyx)
    names = [feature.name for feature in plan.recipe.feature]
    return FeatureMaps({name: _sound(name, found.pop(name), nothing) for name in names}, agreement)


def _by_methods(denoised: Tensor, plan: FeaturePlan, blank: Tensor | None) -> dict[str, Tensor]:
    """The maps of features that are looked for without a network."""
    voxels, maps = plan.grid.tomogram.voxels, {}
    for feature in plan.recipe.feature:
        if isinstance(feature, BlobFeature):
            probability = blob(denoised, diameter_voxels=voxels(feature.diameter_angstrom), blank=blank)
        elif isinstance(feature, RidgeFeature):
            scales = tuple(map(voxels, feature.scales_angstrom))
            probability = ridge(denoised, sigmas_voxels=scales, blank=blank)
        else:
            continue
        maps[feature.name] = plan.grid.bring(probability)
    return maps


def _by_network(
    seen: Tensor, plan: FeaturePlan, package: Package, mirrors: int, features: Sequence[NetworkFeature], models: Models
) -> FeatureMaps:
    """The maps of the features that one run of a network serves."""
    asked = tuple(dict.fromkeys(feature.channel_name for feature in features))
    model = models.get(package.name, package.sha256)
    found = segment_canonical(model, seen, mirrors=mirrors, room=models.room, features=asked)
    maps = {feature.name: plan.grid.bring(found.at_canonical(feature.channel_name)) for feature in features}
    if not found.agreement:
        return FeatureMaps(maps)
    agreement = dict(zip(found.features, found.agreement, strict=True))
    return FeatureMaps(maps, {feature.name: agreement[feature.channel_name] for feature in features})


def _sound(name: str, probability: Tensor, blank: Tensor | None) -> Tensor:
    """The map with nothing where the tomogram is blank.

    Raises:
        MapNotFinite: it has values that are not numbers, which would pass every threshold or none.
    """
    # The sum is finite only where every value is; as much work as one look, and no memory.
    if not math.isfinite(float(probability.sum(dtype=torch.float32))):
        raise MapNotFinite(name)
    return probability if blank is None else probability.masked_fill(blank, 0)
