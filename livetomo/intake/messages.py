"""Messages between the watcher's process and its supervisor, as JSON lines."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import Arrival, Content, Fault, KnownFile, TomogramId

KNOWN_PER_MESSAGE = 2000


def arrival_to_json(arrival: Arrival) -> dict[str, Any]:
    """An arrival as it travels."""
    return asdict(arrival) | {"facts": arrival.facts.to_json()}


def arrival_from_json(body: Mapping[str, Any]) -> Arrival:
    """The inverse of `arrival_to_json`."""
    typed = {
        "tomogram": TomogramId(**body["tomogram"]),
        "content": Content(**body["content"]),
        "facts": SidecarFacts.from_json(body["facts"]),
        "fault": Fault(**body["fault"]) if body["fault"] else None,
    }
    return Arrival(**{**body, **typed})


def known_messages(files: Iterable[KnownFile]) -> Iterator[dict[str, Any]]:
    """What has been dealt with before, in messages of bearable length."""
    rest = iter(files)
    while batch := list(islice(rest, KNOWN_PER_MESSAGE)):
        yield {"do": "know", "files": known_to_json(batch)}


def known_to_json(files: Iterable[KnownFile]) -> list[list[Any]]:
    """Files as rows: path, size, modification time, digest, companions' digest, inode, what it is a copy of."""
    return [
        [each.path, was.size, was.modified_ns, was.digest, each.companions_digest, each.inode, each.copy_of]
        for each, was in ((each, each.content) for each in files)
    ]


def known_from_json(rows: Iterable[Sequence[Any]]) -> list[KnownFile]:
    """The inverse of `known_to_json`."""
    return [KnownFile(path, Content(size, time_ns, digest), *more) for path, size, time_ns, digest, *more in rows]


@dataclass(frozen=True, slots=True)
class Pending:
    """A file that is not taken yet, and why. `seconds`: for how long it has not changed."""

    path: str
    size: int
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """The state of the watcher, whenever it has looked.

    trouble:    why the tree cannot be scanned well, in a sentence; empty where it can.
    seconds:    how long the last whole scan took; None before the first.
    files:      names seen by it; candidates: those that are tomograms by their names.
    mode:       events or poll, and why, if the configuration asks for the other.
    not_utf8:   files that would be tomograms if their names could be written down; first_not_utf8: the first, as text.
    pending:    the first of those that are not taken yet; `settling` counts all.
    """

    trouble: str = ""
    scans: int = 0
    seconds: float | None = None
    files: int = 0
    candidates: int = 0
    not_utf8: int = 0
    first_not_utf8: str = ""
    settling: int = 0
    pending: tuple[Pending, ...] = ()
    overflows: int = 0
    mode: str = ""

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return asdict(self)

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> "Report":
        """The inverse of `to_json`."""
        return Report(**{**body, "pending": tuple(Pending(**pending) for pending in body["pending"])})
