"""The figures of a tomogram that several hands make: volume, half-maps, metadata, maps and picks together."""

from collections.abc import Iterator

import torch

from livetomo.config.recipe.features import label_thresholds
from livetomo.core.quality.metric import Quality
from livetomo.processing.measure.extent import extent_figures
from livetomo.processing.measure.halves import focus
from livetomo.processing.measure.metadata import metadata_figures
from livetomo.processing.measure.particles import false_at_threshold, particle_figures
from livetomo.processing.measure.volume import VolumeFigures
from livetomo.processing.pipeline.feature_maps import FeatureMaps
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.find_particles import FoundParticles
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.measure_half_maps import measure_half_maps
from livetomo.processing.pipeline.missing_features import missing_figures
from livetomo.processing.pipeline.tomogram_extent import TomogramExtent


def measure(
    spec: JobSpec,
    plan: FeaturePlan,
    extent: TomogramExtent,
    seen: VolumeFigures,
    maps: FeatureMaps,
    found: FoundParticles,
    device: torch.device,
) -> Findings:
    """The figures of the volume that was `seen`, of its metadata and half-maps, and of what was found in it."""
    halves = measure_half_maps(spec, extent.geometry.voxel_size_angstrom, device)
    figures = [*seen.figures, *metadata_figures(spec.facts), *halves.figures]
    value = {quality.name: quality.value for quality in figures}
    contrast, coarse_snr = value.get("contrast"), value.get("coarse_snr")
    if contrast is not None and coarse_snr is not None and (focused := focus(contrast, coarse_snr)):
        figures.append(focused)
    figures += _extents(plan, extent, maps)
    figures += _particles(plan, extent, seen, found)
    figures += _false_at_thresholds(plan, found)
    figures += missing_figures(plan.recipe, plan.missing)
    figures += [Quality(f"{name}_mirror_agreement", value, "") for name, value in maps.mirror_agreement.items()]
    return Findings(tuple(figures), halves.warnings)


def _extents(plan: FeaturePlan, extent: TomogramExtent, maps: FeatureMaps) -> Iterator[Quality]:
    """How much of the tomogram each feature fills that has an extent."""
    for name, threshold in label_thresholds(plan.recipe.feature).items():
        if name not in plan.missing:
            yield from extent_figures(
                name,
                maps.maps[name],
                threshold=threshold,
                voxel_size_angstrom=plan.grid.maps.voxel_size_angstrom,
                real_share=extent.real_share,
            )


def _particles(
    plan: FeaturePlan, extent: TomogramExtent, seen: VolumeFigures, found: FoundParticles
) -> Iterator[Quality]:
    """How many particles were found, and where."""
    slab = None if seen.slab is None else extent.volume_um3(2 * seen.slab.half_depth_angstrom)
    for rule in plan.recipe.pick:
        if rule.feature not in plan.missing:
            yield from particle_figures(
                rule.feature,
                found.published(rule),
                voxel_size_angstrom=extent.geometry.voxel_size_angstrom,
                volume_um3=extent.volume_um3(),
                slab_um3=slab,
            )


def _false_at_thresholds(plan: FeaturePlan, found: FoundParticles) -> Iterator[Quality]:
    """How much of what reaches each rule's threshold is expected to be false, by decoys."""
    for rule in plan.recipe.pick:
        if rule.feature in found.false_shares:
            yield false_at_threshold(rule.feature, rule.threshold, found.false_shares[rule.feature])
