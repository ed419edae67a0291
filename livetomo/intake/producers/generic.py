"""Volumes of any software: what a pattern names, or every *.mrc and *.rec that is not clearly something else."""

import re
from typing import ClassVar

from livetomo.intake.patterns import NamePattern
from livetomo.intake.producers.producer import Producer, Recognised, stem

_PARTS = re.compile(
    r"[._-](?:(?P<even>evn|even|half1)|(?P<odd>odd|half2))(?:[._-](?:vol|rec|full_rec))?$", re.IGNORECASE
)
_DERIVED = re.compile(
    r"[._-](?:denoised?|deconv(?:olved)?|filt(?:ered)?|lowpass|isonet|corrected|ddw|cryocare|n2n|seg(?:mented|mentation)?"
    r"|labels?|mask(?:ed)?|prob(?:abilit(?:y|ies))?|scores?|corr|ctf|preview|thumb(?:nail)?|proj(?:ections?|xy|xz|yz)?)$",
    re.IGNORECASE,
)
_STACKS = re.compile(
    r"[._-](?:st|stack|ali|preali|aligned|raw|fractions|frames|tiltseries|gain|ref|dark)$", re.IGNORECASE
)
_FOLDERS = {
    "even": "a half map lies in a folder named so",
    "odd": "a half map lies in a folder named so",
    "deconv": "a filtered copy lies in a folder named so",
    "denoised": "a filtered copy lies in a folder named so",
    "filtered": "a filtered copy lies in a folder named so",
    "segmentations": "a segmentation lies in a folder named so",
    "frames": "movies lie in a folder named so",
    "tiltstack": "tilt stacks lie in a folder named so",
    "tilt_series": "tilt stacks lie in a folder named so",
}


class Generic(Producer):
    """Anything: the tomogram is named by its file's stem, or by `{tomogram}` in the pattern."""

    name: ClassVar[str] = "generic"

    def __init__(self, pattern: str = "") -> None:
        self._pattern = NamePattern(pattern) if pattern else None

    def recognise(self, path: str) -> Recognised | None:
        """A pattern is the user's word; without one, names that say half, filtered copy or tilt stack are believed."""
        folder, name = stem(path)
        if self._pattern:
            named = self._pattern.name(path)
            return Recognised("full", named, folder + name) if named else None
        if not path.endswith(self.suffixes) or not name:
            return None
        if half := _PARTS.search(name):
            whole = name[: half.start()]
            return Recognised("even" if half["even"] else "odd", whole, folder + whole, "a half map, by its name")
        if reason := _not_a_tomogram(folder, name):
            return Recognised("other", name, folder + name, reason)
        return Recognised("full", name, folder + name)


def _not_a_tomogram(folder: str, name: str) -> str:
    parent = folder.rstrip("/").rpartition("/")[2].lower()
    if parent in _FOLDERS:
        return f"{_FOLDERS[parent]} ({parent}/)"
    if _DERIVED.search(name):
        return "made from a tomogram by another program, by its name"
    if _STACKS.search(name):
        return "a tilt stack or frames, by its name"
    return ""
