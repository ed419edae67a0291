"""A rule of curation: of one tomogram's picks, which are kept, and why the others are not."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from livetomo.core.curation import Mask
from livetomo.core.picks import Picks
from livetomo.formats.frame import Placed
from livetomo.results.folder import Result


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else is known of the tomogram that the picks lie in.

    feature:   of the picks.
    published: reads the published picks of a feature of a result.
    """

    result: Result
    feature: str
    published: Callable[[Result, str], Picks]


class Rule(Protocol):
    """What `keeps` decides by does not depend on the rules before it, but for the picks that these have left."""

    @property
    def name(self) -> str:
        """What the command's option is called, and the JSON calls it."""

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        """(n,) Which picks are kept, and what is true of the others: "closer than 50 Å to an edge of the tomogram".

        Raises:
            CurationImpossible: the result does not hold what decides.
            ResultUnreadable: it does, and that cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many picks of a tomogram a rule has left out; 0 where it had nothing against any."""

    tomogram: str
    rule: str
    why: str
    picks: int
