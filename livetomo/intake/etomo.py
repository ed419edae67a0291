"""What etomo writes on the way to a tomogram: samples for positioning, and the single axes of a dual-axis data set."""

import re

from livetomo.intake.neighbours import Neighbours
from livetomo.intake.producers.imod import untrimmed_last
from livetomo.intake.producers.producer import split

_RECONSTRUCTION = re.compile(r"(?P<name>.+?)(?P<ending>(?:_full)?_rec\.mrc|(?:_full)?\.rec)")
_SAMPLE = re.compile(r"(?P<which>top|mid|bot)(?P<axis>[ab]?)")


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
