"""What clipping and denoising would take from a volume: its figures, its very dense matter, the networks' inputs."""

from dataclasses import replace

from torch import Tensor

from livetomo.core.quality.metric import Quality
from livetomo.processing.blank import Blank
from livetomo.processing.measure.volume import VolumeFigures, volume_figures
from livetomo.processing.measure.voxels import dense_share
from livetomo.processing.normalise import clip_
from livetomo.processing.pipeline.feature_maps import SegmentationInputs, dense_masks, network_inputs
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.job_spec import JobSpec


def look_and_clip_(
    normalised: Tensor, plan: FeaturePlan, spec: JobSpec, blank: Blank | None = None
) -> tuple[VolumeFigures, SegmentationInputs]:
    """Clip a normalised volume in place, and take what clipping and denoising would hide: figures, masks, inputs."""
    masks = dense_masks(normalised, plan)
    share = dense_share(normalised, blank)
    clip_(normalised)
    seen = look(normalised, spec, plan.grid.tomogram.voxel_size_angstrom, blank)
    inputs = network_inputs(normalised, plan, None if blank is None else blank.mask)
    as_read = normalised.clone() if plan.keeps_as_read() else None
    return replace(seen, figures=(share, *seen.figures)), SegmentationInputs(masks, inputs, as_read)


def look(clipped: Tensor, spec: JobSpec, voxel_size_angstrom: float, blank: Blank | None = None) -> VolumeFigures:
    """The figures of the volume itself, normalised and clipped, before anything else changes it.

    Of a volume with blank regions, those of the box that holds the rest.
    """
    declared = spec.facts.tilt_range_degrees
    if blank is None:
        return volume_figures(clipped, voxel_size_angstrom=voxel_size_angstrom, declared_tilts_degrees=declared)
    box = blank.box()
    inside = blank.mask[box]
    seen = volume_figures(
        clipped[box],
        voxel_size_angstrom=voxel_size_angstrom,
        declared_tilts_degrees=declared,
        blank=inside if bool(inside.any()) else None,
    )
    shift = ((box[0].start + box[0].stop) - len(clipped)) / 2 * voxel_size_angstrom
    return replace(seen, figures=[_shifted(one, shift) for one in seen.figures])


def _shifted(figure: Quality, by_angstrom: float) -> Quality:
    """The slab's shift is from the whole volume's middle."""
    if figure.name != "slab_shift" or figure.value is None:
        return figure
    return replace(figure, value=figure.value + by_angstrom)
