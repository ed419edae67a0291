"""What is wrong with the daemon or its surroundings: one list, and everything that shows problems shows that list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

Severity = Literal["warning", "critical"]
Subjects = Literal["watch", "disk", "device"] | tuple[str, ...]

# Every kind, and what its subjects are: the configured watches, the disks, the devices, or these fixed words. A problem
# becomes a label of a metric and an MQTT topic, so that there must be few of them: never a tomogram or a session.
KINDS: Mapping[str, Subjects] = {
    "start": "watch",  # its first scan is not done yet
    "watch": "watch",  # it cannot be scanned
    "failures": "watch",  # its last tomograms failed
    "names": "watch",  # files in it are left out, because their names are not UTF-8
    "silence": "watch",  # no file comes any more, in a session that was live
    "quality": "watch",  # its live sessions do not go well
    "exports": "watch",  # files of its sessions cannot be written, or are without a tomogram
    "disk": "disk",
    "device": "device",
    "workers": ("all",),
    "jobs": ("removed",),  # of watches that were taken out
    "http": ("listen", "token"),
    "broker": ("connection", "refused", "id"),  # away; does not take some messages; another client has its id
    "catalog": ("file",),
    "folder": ("output", "state"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that a person should know.

    kind, subject: what it concerns, by `KINDS`.
    message:       one plain sentence that says what is wrong and what to do.
    since:         when it was first seen; the collector sets it, and keeps it while the problem holds.
    blocks_ready:  whether it keeps the daemon from its work, so that /readyz says no.
    """

    kind: str
    subject: str
    severity: Severity
    message: str
    since: datetime | None = None
    blocks_ready: bool = False

    def __post_init__(self) -> None:
        subjects = KINDS.get(self.kind)
        if subjects is None or (isinstance(subjects, tuple) and self.subject not in subjects):
            raise ValueError(f"problem {self.name}: enter its kind and its subjects in KINDS")

    @property
    def name(self) -> str:
        """What it is called in topics: the same problem has the same name at all times."""
        return f"{self.kind}-{self.subject}"


class Reporter(Protocol):
    """A part of the daemon that knows of problems. It is asked often, and must answer from memory."""

    def problems(self) -> Iterable[Problem]:
        """Those that hold now; `since` is left to the collector."""


class Collector:
    """Makes the one list, and remembers since when each problem holds."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    def collect(self, problems: Iterable[Problem], now: datetime) -> tuple[Problem, ...]:
        """`problems` with their times, critical ones first; what several say of one subject becomes one problem."""
        found: dict[str, Problem] = {}
        for problem in problems:
            found[problem.name] = _joined(found[problem.name], problem) if problem.name in found else problem
        self._since = {name: self._since.get(name, each.since or now) for name, each in found.items()}
        timed = (replace(each, since=self._since[name]) for name, each in found.items())
        return tuple(sorted(timed, key=lambda each: each.severity != "critical"))


def possible_names(watches: Iterable[str], disks: Iterable[str], devices: Iterable[str]) -> set[str]:
    """The name of every problem that there can be."""
    groups = {"watch": list(watches), "disk": list(disks), "device": list(devices)}
    return {
        f"{kind}-{subject}"
        for kind, subjects in KINDS.items()
        for subject in (subjects if isinstance(subjects, tuple) else groups[subjects])
    }


def _joined(one: Problem, other: Problem) -> Problem:
    severity: Severity = "critical" if "critical" in (one.severity, other.severity) else "warning"
    message = one.message if other.message in one.message else f"{one.message} {other.message}"
    return replace(one, severity=severity, message=message, blocks_ready=one.blocks_ready or other.blocks_ready)
