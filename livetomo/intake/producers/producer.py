"""What the watcher asks of a producer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from livetomo.formats.endings import plain_path
from livetomo.intake.producers.half_names import half_of
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
    failed: how it ended, where it says that it ended badly.
    """

    state: Literal["given", "awaited", "none"]
    reason: str = ""
    failed: str = ""


NO_SIGNAL = Signal("none")
GIVEN = Signal("given")


class Producer:
    """A producer without halves, completion signal or sidecars; members say what is different with them.

    settles: for how many settle times a volume without a given signal has to rest.
    alone_is_final: halves that stand alone are all that comes; where not, a full volume is waited for.
    trouble: a sentence about the first file that its code failed on; of plug-ins alone (see `Foreign`).
    """

    name: ClassVar[str]
    suffixes: Sequence[str] = (".mrc",)
    settles: ClassVar[float] = 1.0
    alone_is_final: ClassVar[bool] = False
    trouble: str = ""

    @property
    def is_users_word(self) -> bool:
        """Whether the user has said by a pattern what its tomograms are: nothing around a file speaks against that."""
        return False

    def recognise(self, path: str, session: str = "") -> Recognised | None:
        """What the file at `path` (relative to the root) is, by its name alone; None where it is not this one's.

        session: the beginning of the path that names the session, with a trailing "/": words in it are no hint.
        """
        path = plain_path(path)
        folder, name = split(path)
        stem, dot, ending = name.rpartition(".")
        if half := half_of(folder, stem, session):
            whole = self.volume(half.folder + half.stem + dot + ending)
            if whole and whole.role == "full":
                return replace(whole, role=half.role, reason="a half-map", stored_axes="")
        return self.volume(path)

    def volume(self, path: str) -> Recognised | None:
        """As `recognise`, of a file that is not named as the half of a full volume of this producer."""
        raise NotImplementedError

    def signal(self, file: Recognised, path: str, tree: Tree) -> Signal:
        """Whether the producer has said that this full volume and its halves are complete."""
        return NO_SIGNAL

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

    def series(self, file: Recognised, path: str) -> str:
        """Where the producer keeps what is of one tilt series, however often it is reconstructed; empty: nowhere."""
        return ""

    def order(self, path: str) -> int:
        """The number of the job that made it, where the producer counts them; 0 where not."""
        return 0

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """Where files with metadata of this volume may lie, as paths relative to the root."""
        return ()


def split(path: str) -> tuple[str, str]:
    """(folder with a trailing "/", or "" for the root; name)."""
    folder, slash, name = path.rpartition("/")
    return folder + slash, name


def parent(folder: str) -> str:
    """The folder above `folder`, both with a trailing "/" or ""."""
    above, slash, _ = folder.rstrip("/").rpartition("/")
    return above + slash
