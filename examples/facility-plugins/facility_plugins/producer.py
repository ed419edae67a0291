"""A producer: this facility's script makes a folder for each position, and writes DONE into it at the end."""

import re
from collections.abc import Sequence

from livetomo.intake.producers import Producer, Recognised, Signal
from livetomo.intake.tree import Tree

# <session>/<position>/tomogram.mrc         the tomogram; it is called as its folder
# <session>/<position>/tomogram_EVN.mrc     its half-maps, with _ODD; livetomo finds halves by itself
# <session>/<position>/<position>.mdoc      SerialEM's metadata of the tilt series
# <session>/<position>/DONE                 written last
_TOMOGRAM = re.compile(r"(?P<folder>.*?(?P<position>[^/]+))/tomogram(?P<copy>_denoised)?\.mrc")


class PositionFolders(Producer):
    """Paths are relative to the root of the watch. No file is opened here: names decide."""

    name = "position_folders"

    def volume(self, path: str) -> Recognised | None:
        """None where the name is not of this producer; "other" where it is, and is no tomogram."""
        match = _TOMOGRAM.fullmatch(path)
        if match is None:
            return None
        group = f"{match['folder']}/tomogram"
        if match["copy"]:
            return Recognised("other", match["position"], group, "a denoised copy, by its name")
        return Recognised("full", match["position"], group)

    def signal(self, file: Recognised, path: str, tree: Tree) -> Signal:
        """The tomogram and its halves are complete once DONE is there."""
        folder, _, _ = path.rpartition("/")
        return Signal("given") if tree.exists(f"{folder}/DONE") else Signal("awaited", "its folder has no DONE")

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """Where metadata may lie; livetomo reads those kinds of files that it knows."""
        folder, _, _ = path.rpartition("/")
        return [f"{folder}/{file.name}.mdoc"]
