"""What an exporter of picks is."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from livetomo.formats.frame import Placed


class Exporter(Protocol):
    """Writes picks of one feature the way another program reads them. Everything is text; no picks are no rows."""

    name: str
    ending: str

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        ...

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths: what the program is given for a whole session."""
        ...
