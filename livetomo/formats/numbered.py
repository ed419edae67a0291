"""A table of a whole session's particles in which tomograms are numbers, and a list of which number is which."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

from livetomo.core.picks import Picks
from livetomo.formats.exporter import Exporter, File, as_bytes, picks_at
from livetomo.formats.frame import Frame, Placed, Points, zyz
from livetomo.formats.names import plain


class Numbered(Exporter[File], Protocol[File]):
    """One table, in which tomograms are numbers from 1; for a session also the list of what each number is.

    table_file, list_file: what follows the feature in their names.
    """

    counts_in_file: bool = True
    table_file: str
    list_file: str

    def content(self, placed: Placed, feature: str) -> File:
        return self.table([placed])

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, File]:
        table = self.table(sets)
        names = "".join(f"{number} {self.listed(placed.frame)}\n" for number, placed in enumerate(sets, start=1))
        return {
            feature + self.table_file: table,
            feature + self.list_file: names if isinstance(table, str) else names.encode(),
        }

    def called(self, frame: Frame) -> str:
        return plain(frame.name)

    def listed(self, frame: Frame) -> str:
        """What stands for the tomogram in the list: one word."""
        return self.called(frame)

    def read(self, content: File, frame: Frame) -> Picks:
        return _picks(self.rows(content))

    def read_session(self, files: Mapping[str, File], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        rows = self.rows(files[feature + self.table_file])
        names = as_bytes(files[feature + self.list_file]).decode()
        called = {self.listed(frame): self.called(frame) for frame in frames}
        listed = dict(line.split() for line in names.splitlines())
        return {called[name]: _picks(rows[rows[:, 0] == int(number)]) for number, name in listed.items()}

    @abstractmethod
    def table(self, sets: Sequence[Placed]) -> File:
        """The particles of many tomograms, which are numbered from 1."""

    @abstractmethod
    def rows(self, table: File) -> Points:
        """Of a table, the tomogram's number, x, y, z, score, phi, psi and theta of each particle."""


def _picks(rows: Points) -> Picks:
    return picks_at(rows[:, 1:4], rows[:, 4], zyz(rows[:, 5:]))
