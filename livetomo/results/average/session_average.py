"""The average of a session: what its results hold, added up."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from livetomo.core.errors import ConfigurationError
from livetomo.results.average.agreement import Agreement, agreement
from livetomo.results.average.running_total import RunningTotal, add_up
from livetomo.results.average.sums_file import TomogramAverage, sums_name
from livetomo.results.folder import Result
from livetomo.results.left_out import LeftOut, refuse

_WITHOUT = (
    "no result has an average of {feature}: their picks have no orientations. "
    'Give the feature\'s [[pick]] refine = "match" and a map, and process again (livetomo reprocess).'
)


@dataclass(frozen=True, slots=True)
class SessionAverage:
    """tomograms: how many have particles in it."""

    feature: str
    tomograms: int
    average: TomogramAverage

    @staticmethod
    def of(feature: str, total: RunningTotal) -> "SessionAverage":
        """What the results of a total add up to."""
        return SessionAverage(feature, len(total.held()), total.average)

    def agreement(self) -> Agreement:
        """What its halves say."""
        one = self.average
        return agreement(one.particles, one.null, diameter_angstrom=one.diameter_angstrom)


def oriented_features(results: Sequence[Result]) -> list[str]:
    """The features of which some result has sums.

    Raises:
        ConfigurationError: there is none.
    """
    names = {name: None for result in results for name in result.manifest.picks}
    found = [name for name in names if any(sums_name(name) in result.manifest.files for result in results)]
    if not found:
        raise ConfigurationError(_WITHOUT.format(feature=" or ".join(names) or "particles"))
    return found


def session_average(
    results: Iterable[Result], feature: str, leave_out: Callable[[LeftOut], None] = refuse
) -> SessionAverage:
    """Of the results that count. `leave_out` hears of those whose sums cannot be read, or are of another particle.

    The particle is that of the first result. What was excluded within a tomogram is in its sums all the same.

    Raises:
        ConfigurationError: no result has any.
    """
    total = add_up(list(results), feature, leave_out=leave_out)
    if total is None:
        raise ConfigurationError(_WITHOUT.format(feature=feature))
    return SessionAverage.of(feature, total)
