"""How much to denoise, as the half-maps say it: each half, denoised, is to be near the other as it was read."""

from collections.abc import Sequence

import torch
from torch import Tensor

from livetomo.processing.denoise.total_variation import total_variation
from livetomo.processing.normalise import clip_, normalise_

WEIGHTS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0)


def weight_by_halves(even: Tensor, odd: Tensor, *, weights: Sequence[float] = WEIGHTS) -> float:
    """The weight of `total_variation` that brings two halves (z, y, x) nearest to one another's raw half.

    Each is brought to a deviation of 1 and denoised; the mean squared difference from the other, which is not denoised,
    counts, both ways. The noise of the other half is independent, so that it adds the same to every weight (Lehtinen et
    al. 2018, ICML, arXiv 1803.04189). The signal counts half as much in a half as in the whole, whose best weight may
    be a little lower.
    """
    one, other = (clip_(normalise_(half.clone(), "bright")) for half in (even, odd))

    def loss(weight: float) -> float:
        ways = ((one, other), (other, one))
        return sum(float((total_variation(half, weight=weight) - raw).square().mean()) for half, raw in ways)

    with torch.no_grad():
        return min(weights, key=loss)
