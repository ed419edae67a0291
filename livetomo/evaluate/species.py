"""How well several kinds of particles are found, and told apart."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from livetomo.evaluate.matching import Counts, Points, match

NOTHING_NAMED = "nothing named"


@dataclass(frozen=True, slots=True)
class JudgedPicks:
    """Candidates of one species in one tomogram or in several, strongest first.

    score: float64 (n,). right: bool (n,), whether each is a particle of the species, one pick a particle.
    lies_on: (n,), of the others the species whose particle is there, or `NOTHING_NAMED`; "" of the right ones.
    true: how many particles there are.
    """

    score: npt.NDArray[np.float64]
    right: npt.NDArray[np.bool_]
    lies_on: npt.NDArray[np.str_]
    true: int

    @staticmethod
    def pooled(judged: Iterable["JudgedPicks"]) -> "JudgedPicks":
        """All of them in one list. A pick matched what it did whatever is weaker, so that every cut of it counts."""
        many = list(judged)
        score = np.concatenate([np.zeros(0), *(one.score for one in many)])
        order = np.argsort(-score, kind="stable")
        right = np.concatenate([np.zeros(0, bool), *(one.right for one in many)])
        lies_on = np.concatenate([np.zeros(0, "U1"), *(one.lies_on for one in many)])
        return JudgedPicks(score[order], right[order], lies_on[order], sum(one.true for one in many))

    def average_precision(self) -> float:
        """The area under precision over recall, by steps; 0 where there is nothing to find."""
        precision, _ = self._curve()
        return float(precision[self.right].sum() / self.true) if self.true else 0.0

    def recall_at_precision(self, least: float) -> float:
        """The highest recall of a cut of which at least this share is right; 0 where there is none."""
        precision, recall = self._curve()
        return float(recall[precision >= least].max(initial=0.0))

    def threshold_at_precision(self, least: float) -> float | None:
        """The score of the longest cut of which at least this share is right; None where there is none."""
        precision, _ = self._curve()
        enough = np.flatnonzero(precision >= least)
        return float(self.score[enough[-1]]) if len(enough) else None

    def best_threshold(self, beta: float) -> float | None:
        """The score of the cut with the highest F-beta; None where there is no candidate."""
        if not len(self.score):
            return None
        hits = np.cumsum(self.right)
        claimed = np.arange(1, len(hits) + 1)
        return float(self.score[np.argmax(hits / (beta**2 * self.true + claimed))])

    def above(self, threshold: float) -> "JudgedPicks":
        """Those that score at least so much."""
        kept = self.score >= threshold
        return JudgedPicks(self.score[kept], self.right[kept], self.lies_on[kept], self.true)

    def counts(self) -> Counts:
        """Of all of them."""
        hits = int(self.right.sum())
        return Counts(hits, len(self.right) - hits, self.true - hits)

    def places(self, species: Sequence[str]) -> dict[str, int]:
        """How many of the wrong ones lie on each of `species`, and on nothing named."""
        return {name: int((self.lies_on == name).sum()) for name in (*species, NOTHING_NAMED)}

    def _curve(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        hits = np.cumsum(self.right)
        return hits / np.arange(1, len(hits) + 1), hits / max(self.true, 1)


def judge(
    found: Points,
    score: npt.NDArray[np.floating],
    species: str,
    truth: Mapping[str, Points],
    radius: Mapping[str, float],
) -> JudgedPicks:
    """What the candidates of a species are, strongest first.

    found (n, 3), the true particles of each species (m, 3) and the radii in one unit. A pick is right within the
    species' own radius; a wrong one lies on another species within the larger of the two radii, on the nearest.
    """
    owner = match(found, truth[species], radius[species])
    right = owner >= 0
    lies_on = np.where(right, "", NOTHING_NAMED).astype(f"U{max(map(len, (*truth, NOTHING_NAMED)))}")
    nearest = np.full(len(found), np.inf)
    for other, places in truth.items():
        if other == species or not len(places) or not len(found):
            continue
        distance, _ = cKDTree(places).query(found)
        nearer = (distance <= max(radius[species], radius[other])) & (distance < nearest) & ~right
        lies_on[nearer], nearest[nearer] = other, distance[nearer]
    return JudgedPicks(np.asarray(score, np.float64), right, lies_on, len(truth[species]))
