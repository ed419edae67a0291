"""Volumes of any software: what a pattern names, or every *.mrc and *.rec that is not clearly something else."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.intake.patterns import NamePattern
from livetomo.intake.producers.producer import Half, Producer, Recognised, derived_folder, split

_HALF = re.compile(r"[._-](?:(?P<even>evn|even|half1)|(?P<odd>odd|half2))(?P<tail>[._-](?:vol|rec|full_rec))?$", re.I)
_DERIVED = re.compile(
    r"[._-](?:denoised?|deconv(?:olved)?|filt(?:ered)?|lowpass|isonet|corrected|ddw|cryocare|n2n|seg(?:mented|mentation)?"
    r"|labels?|mask(?:ed)?|prob(?:abilit(?:y|ies))?|scores?|corr|ctf|preview|thumb(?:nail)?|proj(?:ections?|xy|xz|yz)?)$",
    re.IGNORECASE,
)
_STACK = re.compile(r"[._-](?:st|stack|ali|preali|aligned|raw|fractions|frames|tiltseries|gain|ref|dark)$", re.I)
_TAIL = re.compile(r"[._-](?:vol|rec|full_rec)$", re.I)
_HALF_FOLDER = re.compile(r"(?:^|/)(?:(?P<even>even|evn|half1)|(?P<odd>odd|half2))/$", re.IGNORECASE)
_STACK_FOLDER = re.compile(r"(?:^|/)(?:frames|movies|raw|tiltstacks?|tilt_series|tiltseries)/", re.IGNORECASE)
_PAIRS: tuple[tuple[Half, str], ...] = (
    *(("even", tag) for tag in ("_even", "_EVN", "_half1", "_EVEN", "_Even")),
    *(("odd", tag) for tag in ("_odd", "_ODD", "_half2", "_Odd")),
)


class Generic(Producer):
    """Anything: the tomogram is named by its file's stem, or by `{tomogram}` in the pattern."""

    name: ClassVar[str] = "generic"
    suffixes: Sequence[str] = (".mrc", ".rec")

    def __init__(self, pattern: str = "") -> None:
        self._pattern = NamePattern(pattern) if pattern else None
        if pattern:
            name, dot, suffix = pattern.rpartition(".")
            self.suffixes = (dot + suffix if name and suffix.isalnum() else "",)

    def recognise(self, path: str) -> Recognised | None:
        """A pattern is the user's word; without one, names that say half, filtered copy or tilt stack are believed."""
        folder, name = split(path)
        stem, _, suffix = name.rpartition(".")
        if self._pattern:
            named = self._pattern.name(path)
            return Recognised("full", named, folder + (stem or suffix)) if named else None
        if not name.endswith((".mrc", ".rec")) or not stem:
            return None
        if half := _HALF.search(stem):
            whole = stem[: half.start()] + (half["tail"] or "")
            return Recognised("even" if half["even"] else "odd", whole, folder + whole, "a half map, by its name")
        if half := _HALF_FOLDER.search(folder):
            above = folder[: half.start()] + "/" if half.start() else ""
            return Recognised("even" if half["even"] else "odd", stem, above + stem, "a half map, by its folder's name")
        if reason := _not_a_tomogram(folder, stem):
            return Recognised("other", stem, folder + stem, reason)
        return Recognised("full", stem, folder + stem)

    def halves(self, file: Recognised, path: str) -> Sequence[tuple[Half, str]]:
        """Beside it with a tag, or in folders named so."""
        folder, name = split(path)
        stem, dot, suffix = name.rpartition(".")
        tail = _TAIL.search(stem)
        begin, end = (stem[: tail.start()], tail[0]) if tail else (stem, "")
        beside = [(half, f"{folder}{begin}{tag}{end}{dot}{suffix}") for half, tag in _PAIRS]
        return [*beside, ("even", f"{folder}even/{name}"), ("odd", f"{folder}odd/{name}")]

    def contradictions(self, file: Recognised, path: str) -> Sequence[str]:
        """SerialEM's mdoc of a stack is named after the stack; and what was made of a stack lies beside it."""
        if self._pattern or not path.endswith(".mrc"):
            return ()
        if file.name.endswith(("_Vol", "_rec")):
            return ()
        folder, _ = split(path)
        made = ("_Vol.mrc", "_rec.mrc", ".rec", "_full_rec.mrc", "_TLT.txt")
        return [f"{path}.mdoc", f"{folder}AreTomo3_Session.json", *(file.group + tag for tag in made)]

    def sidecars(self, file: Recognised, path: str) -> Sequence[str]:
        """Whatever any software calls them."""
        stem = file.group
        endings = ("aln", "tlt", "rawtlt", "xf", "xtilt", "mdoc", "mrc.mdoc", "st.mdoc", "xml")
        texts = ("_TLT.txt", "_CTF.txt", "_ctffind4.txt", "_ctffind.txt", "_override.mdoc")
        return [*(f"{stem}.{ending}" for ending in endings), *(stem + text for text in texts)]


def _not_a_tomogram(folder: str, stem: str) -> str:
    if reason := derived_folder(folder):
        return reason
    if match := _STACK_FOLDER.search(folder):
        return f"a tilt stack or frames, by its folder {match[0].strip('/')}/"
    if _DERIVED.search(stem):
        return "made from a tomogram by another program, by its name"
    if _STACK.search(stem):
        return "a tilt stack or frames, by its name"
    return ""
