"""IMOD: R_rec.mrc (trimmed), R_full_rec.mrc (as reconstructed, in X,Z,Y order); of old, R.rec and R_full.rec."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.producers.aretomo3 import mdocs
from livetomo.intake.producers.processing import without_processing
from livetomo.intake.producers.producer import Producer, Recognised, parent, split

_VOLUME = re.compile(r"(?P<name>.+?)(?P<full>_full)?(?:_rec\.mrc|\.rec)", re.IGNORECASE)
# Some scripts give stacks the ending of volumes: R_ali.rec. R_ali_rec.mrc is what was reconstructed from R_ali.mrc.
_ALIGNED = re.compile(r"[._-](?:(?:pre)?ali|aligned|dcst)$", re.IGNORECASE)
# What there may be of one tomogram, best first: trimming turns the volume and cuts the empty margins off.
_ENDINGS = ("_rec.mrc", ".rec", "_full_rec.mrc", "_full.rec")


class Imod(Producer):
    """R is the data set's root name. It says nowhere that a volume is complete; rest must do."""

    name: ClassVar[str] = "imod"
    suffixes: Sequence[str] = (".mrc", ".rec")

    def volume(self, path: str) -> Recognised | None:
        """As `Producer.volume`."""
        folder, name = split(path)
        match = _VOLUME.fullmatch(name)
        if match is None:
            return None
        group = folder + match["name"]
        if _ALIGNED.search(match["name"]) and name.lower().endswith(".rec") and not match["full"]:
            return Recognised("other", match["name"], group, "an aligned tilt stack, by its name")
        return Recognised("full", match["name"], group, stored_axes="yzx" if match["full"] else "")

    def rivals(self, file: Recognised, path: str) -> Sequence[str]:
        """As `Producer.rivals`."""
        return [*untrimmed_last(file.group), *([path] if file.role == "even" else [])]

    def stands_alone(self, file: Recognised, path: str) -> bool:
        """Some scripts have it reconstruct halves only."""
        return file.role == "even"

    def series(self, file: Recognised, path: str) -> str:
        """As AreTomo's; the data set's own folder is no part of it."""
        folder, _ = split(path)
        whole = parent(folder) if split(folder.rstrip("/"))[1] == file.name else folder
        return f"IMOD {without_processing(whole)}"

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """In the data set's folder."""
        folder, _ = split(path)
        endings = (".tlt", ".rawtlt", ".xf", ".xtilt", "_ctffind4.txt", "_ctffind.txt", "_CTF.txt")
        return [
            *(file.group + ending for ending in endings),
            f"{folder}tilt.com",
            f"{folder}newst.com",
            *mdocs(file, path),
        ]


def untrimmed_last(root: str) -> list[str]:
    """The volumes that there may be of the data set `root` (with its folder), best first."""
    return [root + ending for ending in _ENDINGS]
