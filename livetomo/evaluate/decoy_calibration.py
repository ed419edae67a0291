"""Fit how the share of false picks follows from decoys, and show what an estimate claims beside what is true."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from livetomo.core.false_share import DecoyCalibration
from livetomo.processing.pick.false_share import evidence

FEWEST = 10
"""A share of fewer candidates than this is hardly one."""
_LENGTHS = 15


@dataclass(frozen=True, slots=True)
class Measured:
    """The candidates (n,) of a tomogram whose truth is known, strongest first.

    is_true: which of them are particles. decoys: how many decoys are at least as strong as each.
    """

    score: npt.NDArray[np.float32]
    is_true: npt.NDArray[np.bool_]
    decoys: npt.NDArray[np.intp]

    def true_shares(self) -> npt.NDArray[np.float64]:
        """The share of false ones among each candidate and all stronger ones."""
        shares: npt.NDArray[np.float64] = np.cumsum(~self.is_true) / np.arange(1, len(self.score) + 1)
        return shares


@dataclass(frozen=True, slots=True)
class Decile:
    """The lists whose share of false candidates is claimed to be in a tenth of the range from 0 to 1.

    tomograms: how many have such lists. claimed, true: the mean of their means. spread: standard deviation of the true
    shares between tomograms.
    """

    low: float
    tomograms: int
    claimed: float
    true: float
    spread: float


def fit(tomograms: Sequence[Measured]) -> DecoyCalibration:
    """The calibration that makes the true shares of these tomograms most likely.

    Logistic regression of the share on the evidence, at 15 lengths of each tomogram's list, from the 10 strongest to
    all. Each tomogram counts alike, however many candidates it has. The spread is what is left of the errors' variance
    between tomograms after that of the counts.
    """
    explained, shares, numbers, weights = [], [], [], []
    for one in tomograms:
        if len(one.score) < FEWEST:
            continue
        ends = np.unique(np.geomspace(FEWEST, len(one.score), _LENGTHS).astype(int))
        above = np.searchsorted(-one.score, -one.score, side="right")
        explained.append(evidence(one.decoys + np.float64(0.5), above)[ends - 1])
        shares.append(one.true_shares()[ends - 1])
        numbers.append(ends)
        weights.append(np.full(len(ends), 1 / len(ends)))
    x, share, number, weight = (np.concatenate(each) for each in (explained, shares, numbers, weights))

    def cost(rule: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        logits = rule[0] + rule[1] * x
        error = weight * (expit(logits) - share)
        return float((weight * (np.logaddexp(0, logits) - share * logits)).sum()), np.array(
            [error.sum(), (error * x).sum()]
        )

    found = minimize(cost, np.array([0.0, 1.0]), jac=True, bounds=[(None, None), (0, None)]).x
    intercept, slope = (float(each) for each in found)
    smoothed = (share * number + 0.5) / (number + 1)
    error = logit(smoothed) - intercept - slope * x
    by_chance = 1 / (number * smoothed * (1 - smoothed))
    spread = float(np.sqrt(max(np.average(error**2 - by_chance, weights=weight), 0)))
    return DecoyCalibration(round(intercept, 3), round(slope, 3), round(spread, 2))


def deciles(tomograms: Iterable[tuple[Measured, npt.NDArray[np.float64]]]) -> list[Decile]:
    """Each tomogram with the shares that are claimed of its candidates (n,): claimed beside true."""
    claims: list[list[float]] = [[] for _ in range(10)]
    truths: list[list[float]] = [[] for _ in range(10)]
    for one, claimed in tomograms:
        true = one.true_shares()
        tenth = np.minimum((claimed * 10).astype(int), 9)
        for number in np.unique(tenth[FEWEST - 1 :]):
            those = (tenth == number) & (np.arange(len(tenth)) >= FEWEST - 1)
            claims[number].append(float(claimed[those].mean()))
            truths[number].append(float(true[those].mean()))
    return [
        Decile(number / 10, len(c), float(np.mean(c)), float(np.mean(t)), float(np.std(t)))
        for number, (c, t) in enumerate(zip(claims, truths, strict=True))
        if c
    ]
