"""How many picks of several tomograms are expected to be false."""

from collections.abc import Iterable
from dataclasses import dataclass

from livetomo.core.false_share import FalseShare


@dataclass(frozen=True, slots=True)
class ExpectedFalse:
    """Of one feature. picks: how many are expected to be false. of: number of picks of which that was estimated."""

    picks: float
    of: int


def expected_false(counted: Iterable[tuple[str, int, FalseShare | None]]) -> dict[str, ExpectedFalse]:
    """By feature, from each tomogram's feature, number of picks, and the share that is expected to be false.

    What nobody has estimated counts for nothing.
    """
    total: dict[str, ExpectedFalse] = {}
    for feature, count, share in counted:
        if share is not None:
            before = total.get(feature, ExpectedFalse(0.0, 0))
            total[feature] = ExpectedFalse(round(before.picks + share.value * count, 1), before.of + count)
    return total
