"""A rule of curation: of one tomogram's picks, which are kept, and why the others are not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from livetomo.core.curation import Mask
from livetomo.core.manifest import ResultManifest
from livetomo.core.picks import Picks
from livetomo.curation.dropped import Dropped
from livetomo.formats.frame import Placed

Indices = npt.NDArray[np.intp]


class Surroundings(Protocol):
    """What else is known of the tomogram that the picks lie in, wherever its result is.

    Each method raises an error that says why where what it is asked for is there and cannot be read.
    """

    @property
    def tomogram(self) -> str:
        """Its name."""

    @property
    def feature(self) -> str:
        """Of the picks."""

    @property
    def manifest(self) -> ResultManifest:
        """Of the result that the picks are of."""

    def has_labels(self) -> bool:
        """Whether the result still has its labels, which retention may have removed."""

    def labels(self) -> npt.NDArray[Any]:
        """(z, y, x) The result's labels, whose voxels may be larger than those that picks count in."""

    def published(self, feature: str) -> Picks:
        """The result's published picks of a feature, without those that were taken out since."""

    def of_recipe(self, recipe: str) -> Picks:
        """The same feature's published picks by another recipe, from a result of the same revision.

        recipe: the first 8 digits of its hash, or more.

        Raises:
            CurationImpossible: there is none.
        """


class Rule(Protocol):
    """What `keeps` decides by does not depend on the rules before it, but for the picks that these have left.

    asks_result: whether it asks the result for more than the tomogram's name and the feature.
    """

    asks_result: bool

    @property
    def name(self) -> str:
        """What the command's option is called, and the JSON calls it."""

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        """(n,) Which picks are kept, and what is true of the others: "closer than 50 Å to an edge of the tomogram".

        Raises:
            CurationImpossible: the result does not hold what decides.
        """


def kept_by(rules: Sequence[Rule], placed: Placed, around: Surroundings) -> tuple[Indices, list[Dropped]]:
    """Of one tomogram's picks, the indices (m,) of those that the rules leave, which act one after the other.

    Also what each rule has left out: all of them are counted, or none, where one cannot decide.

    Raises:
        CurationImpossible: the result does not hold what one of them decides by.
    """
    index: Indices = np.arange(len(placed.picks))
    dropped = []
    for rule in rules:
        kept, why = rule.keeps(replace(placed, picks=placed.picks.where(index)), around)
        dropped.append(Dropped(placed.frame.name, rule.name, why, len(kept) - int(kept.sum())))
        index = index[kept]
    return index, dropped
