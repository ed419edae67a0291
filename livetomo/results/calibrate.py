"""Make the scores of several tomograms comparable: the same score is as far above each one's own background."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LEAST_CANDIDATES = 20
MOST_STRETCH = 3.0
_EDGE = 1e-6  # scores of exactly 0 and 1 have no logit

Scores = npt.NDArray[np.float32]


def calibrated(scores: Sequence[Scores]) -> list[Scores]:
    """The scores (0..1) of each tomogram's candidates, on the session's common scale; 0..1, in the order given.

    In logits, each tomogram's median and MAD (median absolute deviation) become the session's, which are the medians of
    these over the tomograms. Their order within a tomogram stays. It takes most candidates for background, alike in all
    tomograms; of fewer than `LEAST_CANDIDATES` nothing is known: such a tomogram keeps its scores and counts for
    nothing. No MAD is changed by more than a factor of `MOST_STRETCH`.
    """
    logits = [_logit(each) for each in scores]
    enough = [number for number, each in enumerate(logits) if len(each) >= LEAST_CANDIDATES]
    if not enough:
        return [each.copy() for each in scores]
    middle = {number: float(np.median(logits[number])) for number in enough}
    spread = {number: float(np.median(np.abs(logits[number] - middle[number]))) for number in enough}
    common_middle = float(np.median([*middle.values()]))
    common_spread = float(np.median([*spread.values()]))
    calibrated_scores = []
    for number, each in enumerate(logits):
        if number not in middle:
            calibrated_scores.append(scores[number].copy())
            continue
        known = spread[number] > 0 and common_spread > 0
        stretch = np.clip(common_spread / spread[number], 1 / MOST_STRETCH, MOST_STRETCH) if known else 1.0
        moved = common_middle + (each - middle[number]) * stretch
        calibrated_scores.append((1 / (1 + np.exp(-moved))).astype(np.float32))
    return calibrated_scores


def _logit(score: Scores) -> npt.NDArray[np.float64]:
    clipped = np.clip(score.astype(np.float64), _EDGE, 1 - _EDGE)
    odds: npt.NDArray[np.float64] = clipped / (1 - clipped)
    return np.log(odds)
