"""How many of a tomogram's strongest candidates are expected to be false, by the candidates of a decoy.

A decoy is a volume that holds no particle but is else like the tomogram; what is picked in it is false. It tells how
many of the tomogram's own candidates are (target-decoy search: Elias and Gygi 2007, Nature Methods 4:207).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression
from scipy.special import expit, gammaincinv

from livetomo.core.false_share import DecoyCalibration, FalseShare

FEWEST_CANDIDATES = 20
_INTERVAL = (0.05, 0.95)
_DEVIATIONS = 1.645

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class NotEstimated:
    """The share of false picks is not known, for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class FalseShares:
    """Of each candidate, strongest first: what is expected of all candidates that are at least as strong.

    score: float32 (n,), 0..1. value: (n,), 0..1, the share of them that is false; it does not fall from one to the
    next. low, high: (n,), the interval that holds it nine times in ten. decoys: (n,), how many decoys are at least as
    strong. calibration: as that of `FalseShare`.
    """

    score: npt.NDArray[np.float32]
    value: Numbers
    low: Numbers
    high: Numbers
    decoys: npt.NDArray[np.intp]
    calibration: str = ""

    def threshold(self, limit: float) -> float:
        """The lowest score down to which the share is at most `limit`; above every score where it is nowhere."""
        count = int(np.searchsorted(self.value, limit, side="right"))
        lowest = self.score[count - 1] if count else np.nextafter(self.score[0], np.float32(np.inf))
        return float(str(lowest))  # the digits that files give for this score

    def of_those_above(self, threshold: float) -> FalseShare | None:
        """The share of the candidates that score at least so much; None where there is none."""
        count = int(np.searchsorted(-self.score, -np.float32(threshold), side="right"))
        if count == 0:
            return None
        value, low, high = (float(column[count - 1]) for column in (self.value, self.low, self.high))
        decoys = int(self.decoys[count - 1])
        return FalseShare(
            round(value, 4), round(low, 4), round(high, 4), round(value * count, 1), decoys, self.calibration
        )


def false_shares(
    score: npt.NDArray[np.floating],
    decoy_score: npt.NDArray[np.floating],
    calibration: DecoyCalibration | None = None,
    calibration_name: str = "",
) -> FalseShares | NotEstimated:
    """From the scores of the candidates (n,), strongest first, and of the decoy's (m,), in any order.

    Above a score there are T candidates and D decoys. The number of false ones among the T is expected to be about
    D + 1/2 (the mean of what D lets expect, by Jeffreys' prior), as the calibration corrects it. The share does not
    fall with the score: it is the non-decreasing sequence nearest to these, where each counts by its T, so that neither
    luck among the few strongest passes for certainty, nor the luckiest set for all stronger ones. The interval has
    three independent parts: the chance of the decoys' number, that of the false candidates' own, and the calibration's
    spread. It ends at whole numbers of candidates.
    """
    if len(score) < FEWEST_CANDIDATES:
        return NotEstimated(f"there are only {len(score)} candidates, too few to be compared with decoys")
    rule = calibration or DecoyCalibration()
    own = score.astype(np.float64)
    above = np.searchsorted(-own, -own, side="right")
    decoys = decoys_at_least(decoy_score, own)
    likely = decoys + np.float64(0.5)
    expected, fewest, most = (
        rule.intercept + rule.decoys * evidence(number, above) for number in (likely, *_by_chance(likely))
    )
    error = _DEVIATIONS * rule.spread
    low = np.floor(above * expit(expected - np.hypot(expected - fewest, error)))
    high = np.ceil(above * expit(expected + np.hypot(most - expected, error)))
    value, low, high = (_rising(number, above) for number in (above * expit(expected), low, high))
    return FalseShares(score.astype(np.float32), value, low, high, decoys, calibration_name)


def _by_chance(likely: Numbers) -> tuple[Numbers, Numbers]:
    """The ends of what can be by chance: both the decoys' number and that of the false candidates vary."""
    fewest, most = (np.abs(np.log(gammaincinv(likely, end) / likely)) for end in _INTERVAL)
    own = _DEVIATIONS / np.sqrt(likely)
    return likely * np.exp(-np.hypot(fewest, own)), likely * np.exp(np.hypot(most, own))


def evidence(likely: Numbers, above: Whole) -> Numbers:
    """What the logit of the share of false candidates is explained by: (n,), for `DecoyCalibration`.

    likely: how many decoys are expected to score at least so high: as many as do, and a half. above: how many
    candidates do.
    """
    explained: Numbers = np.log(likely) - np.log(np.maximum(above - likely, 0) + 1.0)
    return explained


def _rising(false: Numbers, above: npt.NDArray[np.intp]) -> Numbers:
    """The non-decreasing shares nearest to `false` of `above`, in which equal scores have equal shares."""
    shares: Numbers = isotonic_regression(np.minimum(false / above, 1), weights=above).x
    return shares[above - 1]


def decoys_at_least(decoy_score: npt.NDArray[np.floating], least: Numbers) -> npt.NDArray[np.intp]:
    """How many of the decoys score at least as high as each of `least`."""
    rising = np.sort(decoy_score.astype(np.float64))
    count: npt.NDArray[np.intp] = len(rising) - np.searchsorted(rising, least, side="left")
    return count
