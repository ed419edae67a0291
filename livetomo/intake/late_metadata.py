"""Halves and sidecars that come, or change, after their tomogram was taken: metadata, not a new revision."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from livetomo.core.errors import PermanentError
from livetomo.core.tomogram import Arrival, companions_digest
from livetomo.intake.completeness import Dismissed, Judge, NotYet
from livetomo.intake.producers import Producer, Recognised
from livetomo.intake.tree import Tree

MOST_FOLLOWED = 500
MOST_PER_ROUND = 50

_State = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class _Followed:
    """companions_digest: of what the catalog has. state: what lies around the tomogram; since: for how long so."""

    arrival: Arrival
    producer: Producer
    file: Recognised
    companions_digest: str
    state: _State | None = None
    since: float = 0.0
    is_read: bool = False


class Late:
    """Follows the newest tomograms, a few at each round."""

    def __init__(self, tree: Tree, judge: Judge, *, settle: float, clock: Callable[[], float]) -> None:
        self._tree = tree
        self._judge = judge
        self._settle = settle
        self._clock = clock
        self._followed: OrderedDict[str, _Followed] = OrderedDict()

    def follow(self, arrival: Arrival, producer: Producer, file: Recognised, recorded: str = "") -> None:
        """From now on. `recorded` is what the catalog has, where that may differ from what `arrival` says."""
        self._followed.pop(arrival.path, None)
        recorded = recorded or companions_digest(arrival.halves, arrival.facts)
        self._followed[arrival.path] = _Followed(arrival, producer, file, recorded)
        while len(self._followed) > MOST_FOLLOWED:
            self._followed.popitem(last=False)

    def forget(self, path: str) -> None:
        """It is gone, or is being taken again."""
        self._followed.pop(path, None)

    def news(self, busy: Callable[[str], bool]) -> Iterator[Arrival]:
        """Arrivals of known content with new halves or metadata. `busy`: there is something else with that path now."""
        for path in list(self._followed)[:MOST_PER_ROUND]:
            self._followed.move_to_end(path)
            if not busy(path) and (arrival := self._look_around(path, self._followed[path])):
                yield arrival

    def _look_around(self, path: str, one: _Followed) -> Arrival | None:
        state = self._state(one)
        now = self._clock()
        if state != one.state:
            one.state, one.since, one.is_read = state, now, False
            return None
        if one.is_read or now - one.since < self._settle:
            return None
        try:
            companions = self._judge.companions(one.producer, one.file, path, rest=now - one.since)
        except (NotYet, Dismissed):
            return None
        except (OSError, PermanentError):
            one.state = None  # the scan sees what has become of it
            return None
        one.is_read = True
        if companions_digest(companions.halves, companions.facts) == one.companions_digest:
            return None
        return replace(one.arrival, halves=companions.halves, facts=companions.facts)

    def _state(self, one: _Followed) -> _State:
        """Size and time of each file around the tomogram."""
        places = [place for _, place in self._judge.halves.places(one.file, one.arrival.path)]
        found = []
        for place in (*places, *one.producer.sidecars(one.file, one.arrival.path)):
            if self._tree.exists(place):
                try:
                    look = self._tree.look(place)
                except OSError:
                    continue
                found.append((place, look.size, look.modified_ns))
        return tuple(found)
