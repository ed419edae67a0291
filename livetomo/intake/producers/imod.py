"""IMOD: R_rec.mrc (trimmed), R_full_rec.mrc (as reconstructed, in X,Z,Y order); of old, R.rec and R_full.rec."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.producers.aretomo3 import mdocs
from livetomo.intake.producers.producer import Half, Producer, Recognised, derived_folder, split

_VOLUME = re.compile(
    r"(?P<name>.+?)(?:_(?:(?P<even>even|evn|half1)|(?P<odd>odd|half2)))?(?P<full>_full)?(?:_rec\.mrc|\.rec)",
    re.IGNORECASE,
)
# What there may be of one tomogram, best first: trimming turns the volume and cuts the empty margins off.
_ENDINGS = ("_rec.mrc", ".rec", "_full_rec.mrc", "_full.rec")


class Imod(Producer):
    """R is the data set's root name. It says nowhere that a volume is complete; rest must do."""

    name: ClassVar[str] = "imod"
    suffixes: Sequence[str] = (".mrc", ".rec")

    def recognise(self, path: str) -> Recognised | None:
        """As `Producer.recognise`."""
        folder, name = split(path)
        match = _VOLUME.fullmatch(name)
        if match is None:
            return None
        group = folder + match["name"]
        if reason := derived_folder(folder):
            return Recognised("other", match["name"], group, reason)
        if match["even"] or match["odd"]:
            return Recognised("even" if match["even"] else "odd", match["name"], group, "a half map")
        return Recognised("full", match["name"], group, stored_axes="yzx" if match["full"] else "")

    def rivals(self, file: Recognised, path: str) -> Sequence[str]:
        """As `Producer.rivals`."""
        return [file.group + ending for ending in _ENDINGS]

    def halves(self, file: Recognised, path: str) -> Sequence[tuple[Half, str]]:
        """IMOD has no convention; these are the names that labs' scripts give them."""
        ending = path[len(file.group) :]
        even: list[tuple[Half, str]] = [
            ("even", f"{file.group}_{tag}{ending}") for tag in ("even", "EVN", "EVEN", "half1")
        ]
        odd: list[tuple[Half, str]] = [("odd", f"{file.group}_{tag}{ending}") for tag in ("odd", "ODD", "half2")]
        return [*even, *odd]

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """In the data set's folder."""
        folder, _ = split(path)
        endings = (".tlt", ".rawtlt", ".xf", ".xtilt", "_ctffind4.txt", "_ctffind.txt", "_CTF.txt")
        return [*(file.group + ending for ending in endings), f"{folder}tilt.com", *mdocs(file, path)]
