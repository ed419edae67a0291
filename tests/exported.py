"""What formats cannot hold, and their files read from disk."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.exporter import Exporter
from livetomo.formats.frame import Frame, Placed

WITHOUT_SCORES = {"imod"}
WITHOUT_ANGLES = {"imod", "imodmod", "eman2", "cbox"}
"""Beside these, a single tomogram's file of `peet`, which is the model alone."""
_NOTHING = Placed(Picks.none(), Frame("x", TomogramGeometry((8, 8, 8), 10.0)))


def files_of(exporter: Exporter[Any], folder: Path, paths: Iterable[Path]) -> Mapping[str, Any]:
    """Files below a folder, text or bytes, as the exporter reads them."""
    is_text = isinstance(exporter.content(_NOTHING, "ribosome"), str)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in paths}
    return {name: file.decode() for name, file in found.items()} if is_text else found
