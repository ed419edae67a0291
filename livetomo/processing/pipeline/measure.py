"""The figures of a tomogram that it takes several rooms to make: volume, halves, metadata, maps and picks together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from livetomo.config.recipe.features import label_thresholds
from livetomo.core.picks import Picks
from livetomo.core.quality.definitions import judged
from livetomo.core.quality.metric import Quality
from livetomo.processing.blank import Blank
from livetomo.processing.measure.extent import extent_figures
from livetomo.processing.measure.halves import focus
from livetomo.processing.measure.particles import particle_figures
from livetomo.processing.measure.scale import contradiction
from livetomo.processing.measure.volume import Seen, volume_figures
from livetomo.processing.pipeline.job_spec import Order
from livetomo.processing.pipeline.measure_half_maps import company_figures

_UM_PER_ANGSTROM = 1e-4
_OF_DENSE_MATTER = ("dense_share", "contamination_share", "carbon_share")
_POLARITY = {
    one: f"Polarity: density seems to be {other} in this volume, and is taken for {one}, so matter is taken for ice, "
    f'and picks mean nothing. Set density = "{other}" in the recipe, or `livetomo sessions set … --density {other}`, '
    "and reprocess."
    for one, other in (("dark", "bright"), ("bright", "dark"))
}


@dataclass(frozen=True, slots=True)
class Space:
    """The tomogram's shape and voxel size, and the maps' voxel size; in Å.

    real_share, real_area_share: of its voxels, and of its columns along z, those that are not blank.
    """

    shape_zyx: tuple[int, int, int]
    voxel_size_angstrom: float
    map_voxel_size_angstrom: float
    real_share: float = 1.0
    real_area_share: float = 1.0

    @staticmethod
    def of(shape_zyx: tuple[int, int, int], voxel_size: float, map_voxel_size: float, blank: Blank | None) -> "Space":
        """That of a tomogram of which so much is blank; lengths in Å."""
        if blank is None:
            return Space(shape_zyx, voxel_size, map_voxel_size)
        area = 1 - float(blank.mask.all(0).float().mean())
        return Space(shape_zyx, voxel_size, map_voxel_size, 1 - blank.share, area)

    def volume_um3(self, depth_angstrom: float | None = None) -> float:
        """Of what is not blank of the whole, or of a slab so deep along z."""
        z, y, x = (n * self.voxel_size_angstrom * _UM_PER_ANGSTROM for n in self.shape_zyx)
        real = x * y * z * self.real_share
        if depth_angstrom is None:
            return real
        return min(real, x * y * self.real_area_share * depth_angstrom * _UM_PER_ANGSTROM)


def look(clipped: Tensor, order: Order, voxel_size_angstrom: float, blank: Blank | None = None) -> Seen:
    """The figures of the volume itself, normalised and clipped, before anything else changes it.

    Of a volume with blank regions, those of the box that holds the rest.
    """
    low, high = (order.metadata.get(f"tilt_{end}_degrees") for end in ("min", "max"))
    declared = high - low if isinstance(low, int | float) and isinstance(high, int | float) else None
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


def _not_by_polarity(figure: Quality) -> Quality:
    """In a volume of the other polarity ice passes for dense matter: nobody is to look for contamination."""
    if figure.name not in _OF_DENSE_MATTER or figure.verdict not in ("warn", "bad"):
        return figure
    return replace(figure, verdict="unjudged", reason="")


def measured(
    order: Order,
    space: Space,
    seen: Seen,
    maps: Mapping[str, Tensor],
    published: Mapping[str, Picks],
    device: torch.device,
    warnings: list[str],
) -> list[Quality]:
    """The figures of the volume that was `seen`, of what goes along with it, and of what was looked for in it."""
    figures = [*seen.figures, *company_figures(order, space.voxel_size_angstrom, device, warnings)]
    value = {quality.name: quality.value for quality in figures}
    contrast, coarse_snr = value.get("contrast"), value.get("coarse_snr")
    if contrast is not None and coarse_snr is not None and (told := focus(contrast, coarse_snr)):
        figures.append(told)
    for name, threshold in label_thresholds(order.recipe.feature).items():
        if name not in maps:
            continue
        figures += extent_figures(
            name,
            maps[name],
            threshold=threshold,
            voxel_size_angstrom=space.map_voxel_size_angstrom,
            real_share=space.real_share,
        )
    slab = None if seen.slab is None else space.volume_um3(2 * seen.slab.half_depth_angstrom)
    for name, picks in published.items():
        figures += particle_figures(
            name,
            picks,
            voxel_size_angstrom=space.voxel_size_angstrom,
            volume_um3=space.volume_um3(),
            slab_um3=slab,
        )
    return figures


def with_verdicts(order: Order, space: Space, figures: Sequence[Quality], warnings: list[str]) -> list[Quality]:
    """The figures as the recipe's limits, or else the published ones, and the sidecars' sizes judge them."""
    told = [judged(quality, order.recipe.limits.get(quality.name)) for quality in figures]
    if any(one.name == "density_skew" and one.verdict == "warn" for one in told):
        told = [_not_by_polarity(one) for one in told]
        warnings.append(_POLARITY[order.recipe.density])
    axes = [one.reason for one in told if one.verdict == "warn" and one.name in ("relative_depth", "seen_tilt_range")]
    warnings += [
        f"Axes: {reason}{'' if reason.endswith('?') else '.'}"
        for reason in axes
        if "axes" in reason or "axis" in reason
    ]
    doubt = contradiction(space.voxel_size_angstrom, space.shape_zyx, order.metadata)
    if doubt is None:
        return told
    warnings.append(f"Voxel size: {doubt}.")
    return [replace(one, verdict="bad", reason=doubt) if one.name == "voxel_size" else one for one in told]
