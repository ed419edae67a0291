"""IMOD: R_rec.mrc (trimmed), R_full_rec.mrc (as reconstructed, in X,Z,Y order); of old, R.rec and R_full.rec."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.producers.aretomo3 import mdocs
from livetomo.intake.producers.producer import Producer, Recognised, parent, split
from livetomo.intake.producers.volume_name import without_processing
from livetomo.intake.tree import Neighbours

_VOLUME = re.compile(r"(?P<name>.+?)(?P<full>_full)?(?:_rec\.mrc|\.rec)", re.IGNORECASE)
# Some scripts give stacks the ending of volumes: R_ali.rec. R_ali_rec.mrc is what was reconstructed from R_ali.mrc.
_ALIGNED = re.compile(r"[._-](?:(?:pre)?ali|aligned|dcst)$", re.IGNORECASE)
# What there may be of one tomogram, best first: trimming turns the volume and cuts the empty margins off.
_ENDINGS = ("_rec.mrc", ".rec", "_full_rec.mrc", "_full.rec")
# What etomo writes on the way: samples for positioning, and the single axes of a dual-axis data set.
_RECONSTRUCTION = re.compile(r"(?P<name>.+?)(?P<ending>(?:_full)?_rec\.mrc|(?:_full)?\.rec)")
_SAMPLE = re.compile(r"(?P<which>top|mid|bot)(?P<axis>[ab]?)")


class Imod(Producer):
    """R is the data set's root name. It says nowhere that a volume is complete; rest must do."""

    name: ClassVar[str] = "imod"
    suffixes: Sequence[str] = (".mrc", ".rec")

    def volume(self, path: str) -> Recognised | None:
        folder, name = split(path)
        match = _VOLUME.fullmatch(name)
        if match is None:
            return None
        group = folder + match["name"]
        if _ALIGNED.search(match["name"]) and name.lower().endswith(".rec") and not match["full"]:
            return Recognised("other", match["name"], group, "an aligned tilt stack, by its name")
        return Recognised("full", match["name"], group, stored_axes="yzx" if match["full"] else "")

    def rivals(self, file: Recognised, path: str) -> Sequence[str]:
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


def by_product(path: str, near: Neighbours) -> str:
    """Why the reconstruction at `path` is not the tomogram of its data set; empty where its siblings say nothing."""
    folder, file = split(path)
    match = _RECONSTRUCTION.fullmatch(file)
    if match is None:
        return ""
    name, ending = match["name"], match["ending"]
    if sample := _SAMPLE.fullmatch(name):
        others = [f"{which}{sample['axis']}{ending}" for which in ("top", "mid", "bot") if which != sample["which"]]
        there = [other for other in others if near.exists(folder + other)]
        return f"a sample for positioning, as {folder}{there[0]} beside it shows" if there else ""
    if name == "sum":
        axes = {found["name"]: one for one in near.names(folder) if (found := _RECONSTRUCTION.fullmatch(one))}
        pairs = sorted(one for one in axes if one.endswith("a") and f"{one[:-1]}b" in axes and one != "topa")
        return f"the two axes combined before trimming, as {folder}{axes[pairs[0]]} beside it shows" if pairs else ""
    data_set, axis = name[:-1], name[-1]
    if axis not in "ab" or not data_set or data_set[-1] in "._-":
        return ""
    if near.exists(f"{folder}{data_set}.edf") and not near.exists(f"{folder}{name}.edf"):
        return f"one axis of the data set {folder}{data_set}.edf"
    whole = (f"{data_set}_rec.mrc", f"{data_set}.rec")
    combined = next((one for one in whole if near.exists(folder + one)), "")
    partner = f"{data_set}{'b' if axis == 'a' else 'a'}"
    if combined and any(near.exists(folder + one) for one in untrimmed_last(partner)):
        return f"one axis of {folder}{combined}"
    return ""
