"""The volume that was read: what is wrong with its voxels, what of it is blank, and its scale."""

from pathlib import Path

import torch
from torch import Tensor

from livetomo.core.errors import NoUsableVoxels
from livetomo.processing.blank import Blank, find_blank
from livetomo.processing.measure.voxels import blank_share, finite_share, saturated_share
from livetomo.processing.normalise import normalise_, replace_non_finite_
from livetomo.processing.pipeline.findings import Findings
from livetomo.processing.pipeline.job_spec import JobSpec

_MOST_BLANK = 0.999
_NOTABLE_BLANK = 0.02


def normalise_input_(volume: Tensor, spec: JobSpec) -> tuple[Blank | None, Findings]:
    """Normalise a float volume (z, y, x) as it was read in place, matter positive; its blank part, and what was seen.

    Raises:
        NoUsableVoxels: there is nothing in it.
    """
    replaced = replace_non_finite_(volume)
    low, high = torch.aminmax(volume)
    if replaced == volume.numel():
        raise NoUsableVoxels(spec.path, "no voxel that is a number")
    if low == high:
        raise NoUsableVoxels(spec.path, f"the same value, {float(low):g}, everywhere")
    warnings = [f"{replaced:,} voxels are not numbers; the median stands in for them."] if replaced else []
    blank = find_blank(volume)
    if blank is not None:
        warnings += _about_blank(blank, replaced, volume.numel(), spec.path)
    figures = (finite_share(volume.numel(), replaced), blank_share(blank), saturated_share(volume, blank))
    normalise_(volume, spec.recipe.density, None if blank is None else blank.mask)
    return blank, Findings(figures, tuple(warnings))


def _about_blank(blank: Blank, replaced: int, voxels: int, path: Path) -> list[str]:
    """How much is blank, where that is enough to be seen.

    replaced: how many of the voxels were not numbers, and are the median now.

    Raises:
        NoUsableVoxels: all of it is.
    """
    values = ", ".join(f"{value:.4g}" for value in blank.values)
    if replaced > blank.share * voxels / 2:
        values = "what is not a number"
    if blank.share > _MOST_BLANK:
        raise NoUsableVoxels(path, f"nothing but {values} in {blank.share:.2%} of its voxels")
    if blank.share < _NOTABLE_BLANK:
        return []
    return [
        f"{blank.share:.0%} of the volume is blank, padded or masked with {values}: it has no picks, "
        "and shares and densities are of the other voxels."
    ]
