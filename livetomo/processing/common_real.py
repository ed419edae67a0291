"""What several volumes of the same place all hold: the box around it, and nothing of what is blank in one of them."""

from collections.abc import Sequence

import torch
from torch import Tensor

from livetomo.processing.blank import Blank, find_blank

_MOST_BLANK = 0.99


def common_real(volumes: Sequence[Tensor]) -> list[Tensor]:
    """The volumes (z, y, x), cut to the box that is not blank in any; what is left of blank parts is each one's mean.

    Halves with the same padding would agree in that, and in its edges. They come back as they are where nothing is
    blank, or nearly everything. Values that are not numbers stay, but for those of blank parts.
    """
    if len({volume.shape for volume in volumes}) > 1:
        return list(volumes)
    found = [find_blank(torch.where(volume.isfinite(), volume, 0.0)) for volume in volumes]
    masks = [blank.mask for blank in found if blank is not None]
    if not masks:
        return list(volumes)
    mask = torch.stack(masks).any(0)
    share = float(mask.float().mean())
    if share > _MOST_BLANK:
        return list(volumes)
    box = Blank(mask, share, ()).box()
    inside = mask[box]
    return [_filled(volume[box], inside) for volume in volumes]


def _filled(volume: Tensor, blank: Tensor) -> Tensor:
    real = volume[~blank]
    return volume.masked_fill(blank, float(real[real.isfinite()].mean())).contiguous()
