"""What the watcher asks of a producer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from livetomo.intake.tree import Tree

Role = Literal["full", "even", "odd", "other"]
Half = Literal["even", "odd"]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file is to its producer.

    name:   the tomogram's, without the producer's tags.
    group:  what the full volume, its halves and its sidecars have in common: a path without the producer's tags.
    reason: why an "other" is not taken for a tomogram.
    stored_axes: slowest first, where the producer is known to store another order than its header says.
    """

    role: Role
    name: str
    group: str
    reason: str = ""
    stored_axes: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """Whether the producer says that it has finished with a tomogram and its halves.

    given: it says so. awaited: it will say so, and has not yet (`reason`). none: it never says; rest must do.
    """

    state: Literal["given", "awaited", "none"]
    reason: str = ""


NO_SIGNAL = Signal("none")
GIVEN = Signal("given")


class Producer:
    """A producer without halves, completion signal or sidecars; members say what is different with them.

    settles: for how many settle times a volume without a given signal has to rest.
    """

    name: ClassVar[str]
    suffixes: Sequence[str] = (".mrc",)
    settles: ClassVar[float] = 1.0

    def recognise(self, path: str) -> Recognised | None:
        """What the file at `path` (relative to the root) is, by its name alone; None where it is not this one's."""
        raise NotImplementedError

    def signal(self, file: Recognised, path: str, tree: Tree) -> Signal:
        """Whether the producer has said that this full volume and its halves are complete."""
        return NO_SIGNAL

    def halves(self, file: Recognised, path: str) -> Sequence[tuple[Half, str]]:
        """Where the halves of the full volume at `path` lie, if there are any: (role, path), likeliest first."""
        return ()

    def writes_halves(self, file: Recognised, path: str, tree: Tree) -> bool:
        """Whether halves of this full volume are to be expected although none is there yet."""
        return False

    def rivals(self, file: Recognised, path: str) -> Sequence[str]:
        """All files that may hold this tomogram, that at `path` among them, the best first."""
        return (path,)

    def stands_alone(self, file: Recognised, path: str) -> bool:
        """Whether this even half, with its odd partner, is all that the producer writes of a tomogram."""
        return False

    def contradictions(self, file: Recognised, path: str) -> Sequence[str]:
        """Files that, where one of them exists, show that the file at `path` is a tilt stack."""
        return ()

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """Where files with metadata of this volume may lie, as paths relative to the root."""
        return ()


_DERIVED_FOLDER = re.compile(
    r"(?:^|/)(?:denois\w*|deconv\w*|filtered|isonet\w*|cryocare\w*|ddw|segmentations?|matching|template_matching)/",
    re.IGNORECASE,
)


def derived_folder(path: str) -> str:
    """Why a volume is not a new tomogram, where a folder above it says that other programs write their copies there."""
    match = _DERIVED_FOLDER.search(path)
    return f"a copy made from a tomogram by another program, by its folder {match[0].strip('/')}/" if match else ""


def split(path: str) -> tuple[str, str]:
    """(folder with a trailing "/", or "" for the root; name)."""
    folder, slash, name = path.rpartition("/")
    return folder + slash, name


def parent(folder: str) -> str:
    """The folder above `folder`, both with a trailing "/" or ""."""
    above, slash, _ = folder.rstrip("/").rpartition("/")
    return above + slash
