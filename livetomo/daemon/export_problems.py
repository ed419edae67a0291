"""What keeps sessions' files from being complete: remembered by session, reported by watch."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from livetomo.core.problems import Problem, Severity

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the writing of a session's files went.

    failure:  why nothing was written; empty where it was.
    left_out: why, by tomogram.
    """

    failure: str = ""
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether every tomogram is in the files."""
        return not self.failure and not self.left_out


class ExportProblems:
    """The sessions whose last outcome was not whole.

    files: what people call what was to be written. severity: of what is missing of it.
    """

    def __init__(self, files: str = "files", severity: Severity = "critical") -> None:
        self._files, self._severity = files, severity
        self._open: dict[tuple[str, str], Outcome] = {}

    def learn(self, session: tuple[str, str], outcome: Outcome) -> bool:
        """Remember the newest outcome; whether it says something that was not known."""
        if outcome.is_whole:
            return self._open.pop(session, None) is not None
        before, self._open[session] = self._open.get(session), outcome
        return outcome != before

    def of(self, watches: Collection[str]) -> Iterator[Problem]:
        """One for each watch that has sessions with incomplete files: a person must act."""
        for watch in sorted(watches):
            mine = {session: outcome for (name, session), outcome in self._open.items() if name == watch}
            failed = {session: outcome.failure for session, outcome in mine.items() if outcome.failure}
            if failed:
                said = (
                    f"The {self._files} of {_named(failed)} could not be written: {_first(failed)}. It is tried again."
                )
                yield Problem("exports", watch, self._severity, said)
            elif mine:
                without = {name: why for outcome in mine.values() for name, why in outcome.left_out.items()}
                said = f"The {self._files} of {_named(mine)} lack {_named(without)}: {_first(without)}"
                yield Problem("exports", watch, self._severity, said)


def _named(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED:,} more"


def _first(reasons: Mapping[str, str]) -> str:
    return reasons[min(reasons)]
