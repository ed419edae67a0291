"""What a tomogram is, which content it has, and where its results lie."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from livetomo.core.errors import FaultKind
from livetomo.core.naming import slug
from livetomo.core.sidecar_facts import SidecarFacts

WITHOUT_HALVES = "taken without both halves"
"""How the note among an arrival's facts begins where its producer writes halves and one was not there."""


@dataclass(frozen=True, slots=True, order=True)
class TomogramId:
    """The identity of a tomogram: which microscope's watch, which session, which name (without its producer's tags)."""

    watch: str
    session: str
    name: str

    def __str__(self) -> str:
        return f"{self.watch}/{self.session}/{self.name}"


_INT64 = 2**63


def bounded_time(nanoseconds: int) -> int:
    """A file's time, since 1970, as 64 bits hold it: from 1677 to 2262.

    Servers say 1601 for a time that they do not know, and broken ones any year; SQLite holds no larger number. Times
    beyond the bounds are all the same time, so that only its size and content show that such a file has changed.
    """
    return nanoseconds if -_INT64 <= nanoseconds < _INT64 else min(max(nanoseconds, -_INT64), _INT64 - 1)


def signed(number: int) -> int:
    """An identity number of 64 bits without a sign, such as an inode, as one with a sign: no two become the same."""
    return (number + _INT64) % (2 * _INT64) - _INT64


@dataclass(frozen=True, slots=True)
class Content:
    """What makes a revision: the same digest is the same content, whatever the time says.

    modified_ns: as `bounded_time` leaves it. digest: hex SHA-256 of the size and of sampled blocks of the file.
    """

    size: int
    modified_ns: int
    digest: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Why something failed, as it travels between processes: `kind` decides what is done, the rest is for people."""

    kind: FaultKind
    reason: str
    message: str
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that has been dealt with: taken, or left alone. `path` is relative to its watch's root, with `/`.

    companions_digest: of the half-maps and facts that are recorded of it; empty where they are not followed.
    inode: of one that was left alone, where it is known. copy_of: the path of what it is left alone as a copy of.
    """

    path: str
    content: Content
    companions_digest: str = ""
    inode: int = 0
    copy_of: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A complete file that is a tomogram, or a resting one that cannot become one (`fault`).

    tomogram: who it would like to be; the catalog has the last word where that name is taken by another file.
    path:     relative to the watch's root, with `/`: it stays the same wherever the root is mounted.
    halves:   "even" and "odd", relative as `path`; empty where there are none.
    facts:    what sidecars say.
    moved_from: where the same file was when it was taken; empty where it was not.
    """

    tomogram: TomogramId
    path: str
    content: Content
    producer: str
    halves: Mapping[str, str] = field(default_factory=dict)
    facts: SidecarFacts = field(default_factory=SidecarFacts)
    fault: Fault | None = None
    moved_from: str = ""


def companions_digest(halves: Mapping[str, str], facts: SidecarFacts) -> str:
    """A digest of what is known of a tomogram beside its content, to see whether there is news of it."""
    return hashlib.sha256(json.dumps([dict(halves), facts.to_json()], sort_keys=True).encode()).hexdigest()[:16]


def session_folder(output: str, watch: str, session: str) -> Path:
    """The folder of a session's results below `output`, which may name {watch} and {session} itself."""
    return _below(output, slug(watch), slug(session))


def session_pattern(output: str, watch: str | None, session: str | None) -> Path:
    """The glob pattern of `session_folder`, for every watch or session where none is given."""
    fixed = "".join(f"[{letter}]" if letter in "*?[" else letter for letter in output)
    return _below(fixed, "*" if watch is None else slug(watch), "*" if session is None else slug(session))


def _below(output: str, watch: str, session: str) -> Path:
    path = output
    for key, value in (("{watch}", watch), ("{session}", session)):
        path = path.replace(key, value) if key in path else f"{path}/{value}"
    return Path(path)


def tomogram_folder(output: str, tomogram: TomogramId) -> Path:
    """The folder that holds every result of `tomogram`, one folder each."""
    return session_folder(output, tomogram.watch, tomogram.session) / "tomograms" / slug(tomogram.name)


def result_name(revision: int, recipe_hash: str) -> str:
    """The name of a result's folder: revision and the first 8 digits of the recipe's hash."""
    return f"r{revision}-{recipe_hash[:8]}"


def attempt_name(token: str) -> str:
    """The name of the folder in which an attempt is written before it is committed; swept when it is stale."""
    return f".attempt-{token}"


def is_attempt(path: PurePath) -> bool:
    """Whether this folder was made by `attempt_name`."""
    return path.name.startswith(".attempt-")


def fixed_part(output: str) -> Path:
    """The part of the output's path that is the same for every watch and session."""
    fixed = output.partition("{")[0]
    return Path(fixed) if fixed.endswith("/") or fixed == output else Path(fixed).parent
