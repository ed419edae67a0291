"""How much to denoise, as the half-maps say it: each half, denoised, is to foretell the other as it was read."""

import math
from collections.abc import Sequence

from torch import Tensor

from livetomo.processing.denoise.total_variation import total_variation
from livetomo.processing.measure.halves import shell_sums
from livetomo.processing.normalise import clip_, normalise_

WEIGHTS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 1.4)


def weight_by_halves(
    even: Tensor, odd: Tensor, *, weights: Sequence[float] = WEIGHTS, most_tilt_degrees: float = 60.0
) -> float:
    """The weight of `total_variation` with which each of two halves (z, y, x) correlates best with the other, raw one.

    Each is brought to a deviation of 1 and denoised; both ways count, outside the missing wedge. The noise of the other
    half is independent of what was denoised, so that no weight profits from it (Lehtinen et al. 2018, ICML, arXiv
    1803.04189). Correlation is used and not the squared difference: this also counts that structures become fainter,
    and chose weights that lose coarse structures where the signal is weak (docs/denoise.md).
    """
    one, other = (clip_(normalise_(half.clone(), "bright")) for half in (even, odd))

    def foretold(weight: float) -> float:
        found = 0.0
        for half, raw in ((one, other), (other, one)):
            denoised = total_variation(half, weight=weight)
            sums = shell_sums(denoised, raw, voxel_size_angstrom=1.0, most_tilt_degrees=most_tilt_degrees)
            found += sums.band(math.inf, 2.0) or 0.0
        return found

    return max(weights, key=foretold)
