"""What an exporter of picks is, and which ones there are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from livetomo.formats.frame import Frame
from livetomo.formats.relion5 import Relion5
from livetomo.picks import Picks


class Exporter(Protocol):
    """Writes the picks of one feature in one tomogram the way another program reads them."""

    name: str
    ending: str

    def write(self, path: Path, picks: Picks, frame: Frame) -> None:
        """Write a new file; no picks are a file without rows."""
        ...


EXPORTERS: Mapping[str, Exporter] = {exporter.name: exporter for exporter in (Relion5(),)}
