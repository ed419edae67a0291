"""What an exporter of picks is: a format's writer, and beside it the reader that is its inverse."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.names import plain
from livetomo.system import registries
from livetomo.system.plugins import Registry


class Exporter(Protocol):
    """Writes picks of one feature the way another program reads them. Everything is text; no picks are no rows.

    What a format cannot hold (volumes, and in some the scores or angles) comes back as unknown; what it holds comes
    back as it was, to the digits that are written.
    """

    name: str
    ending: str

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths: what the program is given for a whole session."""

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in these files: its name, or a substitute where the format cannot hold that."""

    def read(self, text: str, frame: Frame) -> Picks:
        """The inverse of `text`.

        Raises:
            BadStar, LookupError, ValueError: it is not what `text` wrote.
        """

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called; one without picks may be left out.

        Raises:
            BadStar, LookupError, ValueError: it is not what `session` wrote.
        """


class PerTomogram(Exporter, Protocol):
    """A format whose session is a file for each tomogram."""

    @abstractmethod
    def path(self, called: str, feature: str) -> str:
        """Where the file of a tomogram lies."""

    def called(self, frame: Frame) -> str:
        """What the tomogram is called: a part of the file's name."""
        return plain(frame.name)

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        return {self.path(self.called(placed.frame), feature): self.text(placed, feature) for placed in sets}

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        called = {self.called(frame): frame for frame in frames}
        return {name: self.read(files[self.path(name, feature)], frame) for name, frame in called.items()}


@runtime_checkable
class InAFolder(Exporter, Protocol):
    """A format whose session's files name each other by path."""

    def at(self, folder: Path) -> "InAFolder":
        """For files that will lie in `folder`."""

    def left_over(self, feature: str, files: Collection[str]) -> Iterable[Path]:
        """What an earlier export has left there that is none of `files`, and would mislead; some may be gone."""

    def lacks(self, sets: Sequence[Placed]) -> Iterable[str]:
        """What a person has to say before the program can use the files: sentences."""


EXPORTERS: Registry[Exporter] = registries.EXPORTERS
