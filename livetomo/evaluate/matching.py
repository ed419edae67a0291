"""Which pick is which particle, and what that says about a list of picks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

Points = npt.NDArray[np.floating]


def match(found: Points, truth: Points, radius: float) -> npt.NDArray[np.intp]:
    """For each found point, strongest first, the index of the true one that is its own, or -1.

    found (n, 3) and truth (m, 3) are in the unit of `radius`. Each takes the nearest true point within `radius` that no
    stronger one has taken, so that the first K of a list match alike whatever follows them.
    """
    owner = np.full(len(found), -1, np.intp)
    if len(found) == 0 or len(truth) == 0:
        return owner
    free = np.ones(len(truth), bool)
    for i, near in enumerate(cKDTree(truth).query_ball_point(found, radius)):
        candidates = np.array(near, np.intp)
        candidates = candidates[free[candidates]]
        if len(candidates):
            owner[i] = candidates[np.argmin(np.linalg.norm(truth[candidates] - found[i], axis=1))]
            free[owner[i]] = False
    return owner


@dataclass(frozen=True, slots=True)
class Counts:
    """How many picks are particles, are not, and how many particles were missed. Counts of several tomograms add."""

    true_positives: int
    false_positives: int
    false_negatives: int

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def recall(self) -> float:
        """The share of the particles that was found; 1 where there was nothing to find."""
        return _share(self.true_positives, self.false_negatives)

    @property
    def precision(self) -> float:
        """The share of the picks that is a particle; 1 where nothing was picked."""
        return _share(self.true_positives, self.false_positives)

    def f(self, beta: float = 1.0) -> float:
        """F-beta: the harmonic mean of precision and recall, recall counting `beta` times as much. 1 where all is 0."""
        weighted = (1 + beta**2) * self.true_positives
        total = weighted + beta**2 * self.false_negatives + self.false_positives
        return weighted / total if total else 1.0


def _share(of: int, beside: int) -> float:
    return of / (of + beside) if of + beside else 1.0


def count(found: Points, truth: Points, radius: float) -> Counts:
    """What `match` says about all of `found`."""
    hits = int(np.count_nonzero(match(found, truth, radius) >= 0))
    return Counts(hits, len(found) - hits, len(truth) - hits)


def recall_at(found: Points, truth: Points, radius: float, numbers: tuple[int, ...]) -> tuple[float, ...]:
    """The share of the particles that the first K of `found`, strongest first, hit, for each K of `numbers`.

    What remains where the truth is incomplete, so that a pick that matches nothing may yet be right.
    """
    hits = np.concatenate([[0], np.cumsum(match(found, truth, radius) >= 0)])
    return tuple(float(hits[min(k, len(found))] / max(len(truth), 1)) for k in numbers)
