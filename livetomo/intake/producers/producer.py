"""What the watcher asks of a producer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from livetomo.intake.tree import Tree

Role = Literal["full", "even", "odd", "other"]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file is to its producer.

    name:   the tomogram's, without the producer's tags.
    group:  what the full volume, its halves and its sidecars have in common: a path without the producer's tags.
    reason: why an "other" is not taken for a tomogram.
    """

    role: Role
    name: str
    group: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Signal:
    """Whether the producer says that it has finished with a tomogram and its halves.

    given: it says so. awaited: it will say so, and has not yet (`reason`). none: it never says; rest must do.
    """

    state: Literal["given", "awaited", "none"]
    reason: str = ""


NO_SIGNAL = Signal("none")


class Producer:
    """A producer without halves, completion signal or sidecars; members say what is different with them."""

    name: ClassVar[str]
    suffixes: ClassVar[tuple[str, ...]] = (".mrc", ".rec")

    def recognise(self, path: str) -> Recognised | None:
        """What the file at `path` (relative to the root) is, by its name alone; None where it is not this one's."""
        raise NotImplementedError

    def signal(self, file: Recognised, path: str, tree: Tree) -> Signal:
        """Whether the producer has said that this full volume and its halves are complete."""
        return NO_SIGNAL

    def halves(self, file: Recognised, path: str) -> Sequence[tuple[Role, str]]:
        """Where the halves of the full volume at `path` lie, if there are any: (role, path), likeliest first."""
        return ()

    def writes_halves(self, file: Recognised, path: str, tree: Tree) -> bool:
        """Whether halves of this full volume are to be expected although none is there yet."""
        return False

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """Where files with metadata of this volume may lie; names of folders and files relative to the root."""
        return ()


def stem(path: str) -> tuple[str, str]:
    """(folder with a trailing "/" or "", name without its last suffix)."""
    folder, slash, name = path.rpartition("/")
    return folder + slash, name.rpartition(".")[0]
