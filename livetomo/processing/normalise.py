"""Bring a volume to a scale on which matter is positive and its ordinary spread is one, whatever program wrote it."""

from typing import Literal

import torch
from torch import Tensor

CLIP_DEVIATIONS = 6.0
_MOST_SAMPLES = 4_000_000
_MAD_TO_DEVIATION = 1.4826
_LEAST_INVERTIBLE = 1e-30


def typical(volume: Tensor, blank: Tensor | None = None) -> tuple[float, float]:
    """Median and robust standard deviation of the finite values, from evenly spaced samples where there are many.

    Ice and gold would swell a plain standard deviation; where more than half of the values are the same (an integer
    volume of few levels), the plain one is all there is.

    blank: bool, of the same shape: voxels that do not count.
    """
    values = thinned(volume.reshape(-1), _MOST_SAMPLES).float()
    known = values.isfinite()
    if blank is not None:
        known &= thinned(blank.reshape(-1), _MOST_SAMPLES).logical_not()
    values = values[known]
    if values.numel() == 0:
        return 0.0, 0.0
    centre = values.median()
    deviation = float((values - centre).abs_().median()) * _MAD_TO_DEVIATION
    return float(centre), deviation if deviation > 0 else float(values.std(correction=0))


def thinned(values: Tensor, most: int) -> Tensor:
    """Every n-th along the first axis, so that fewer than twice `most` are left."""
    return values[:: max(1, len(values) // most)]


def normalise_(volume: Tensor, density: Literal["dark", "bright"], blank: Tensor | None = None) -> Tensor:
    """Shift and scale a float volume in place: median 0, robust deviation 1, dense matter positive.

    This is the one place that knows which way round the input is.

    blank: bool, of the same shape: voxels that hold nothing; they count for nothing and become 0.
    """
    centre, deviation = typical(volume, blank)
    scale = (1 if density == "bright" else -1) * (deviation or 1.0)
    volume.sub_(centre)
    # Near the smallest float32 a deviation has no inverse.
    volume.mul_(1 / scale) if deviation > _LEAST_INVERTIBLE else volume.div_(scale)
    return volume if blank is None else volume.masked_fill_(blank, 0)


def clip_(volume: Tensor) -> Tensor:
    """Clip a normalised volume in place at ±6 deviations, so that ice and gold do not lead every detector's list."""
    return volume.clamp_(-CLIP_DEVIATIONS, CLIP_DEVIATIONS)


def replace_non_finite_(volume: Tensor) -> int:
    """Put the median in place of what is not a number, in place; how many voxels that were."""
    median, count = None, 0
    for plane in volume:  # one at a time: the question alone takes as much memory as the answer
        wrong = plane.isfinite().logical_not_()
        if found := int(torch.count_nonzero(wrong)):
            median = typical(volume)[0] if median is None else median
            plane.masked_fill_(wrong, median)
            count += found
    return count
