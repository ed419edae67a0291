"""How a session's picks differ from those that the command was given last."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Counted(Protocol):
    """A tomogram's set, as far as it matters here; `count` is the number of its picks."""

    @property
    def version(self) -> str:
        """Another one where the picks are others."""

    @property
    def result_id(self) -> str:
        """The result that it is of."""

    @property
    def count(self) -> int:
        """How many picks it has."""


@dataclass(frozen=True, slots=True)
class Given:
    """A tomogram's set that the command was given. version: another one where the picks are others."""

    version: str
    result_id: str
    count: int

    @staticmethod
    def of(each: Counted) -> "Given":
        """What has to be remembered of it."""
        return Given(each.version, each.result_id, each.count)


class News:
    """What has come, was replaced or has gone since the command was given `given`, by the tomograms' names.

    picks: how many have come, were replaced or have gone.
    """

    def __init__(self, given: Mapping[str, Given], now: Mapping[str, Counted]) -> None:
        self.given = given
        self.picks = 0
        self._changed: dict[str, int] = {}
        self._taken_out: set[str] = set()
        for name in {*given, *now}:
            self.note(name, now.get(name))

    @property
    def tomograms(self) -> int:
        """How many tomograms are not as they were given."""
        return len(self._changed)

    @property
    def is_taken_out(self) -> bool:
        """Whether something that was given does not count any more: it was retracted, or a part of it excluded."""
        return bool(self._taken_out)

    def note(self, name: str, now: Counted | None) -> None:
        """How the tomogram stands now; None: it is not there, or not any more."""
        self.picks -= self._changed.pop(name, 0)
        self._taken_out.discard(name)
        before = self.given.get(name)
        if (before and before.version) == (now and now.version):
            return
        self._changed[name] = now.count if now is not None else before.count if before is not None else 0
        self.picks += self._changed[name]
        # Of the same result there is another set only where an exclusion has changed.
        if before is not None and (now is None or now.result_id == before.result_id):
            self._taken_out.add(name)
