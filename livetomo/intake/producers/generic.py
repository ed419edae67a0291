"""Volumes of any software: what a pattern names, or every *.mrc and *.rec that is not clearly something else."""

import re
from collections.abc import Sequence
from typing import ClassVar

from livetomo.config.patterns import NamePattern
from livetomo.formats.endings import VOLUMES
from livetomo.intake.producers.imod import untrimmed_last
from livetomo.intake.producers.producer import Producer, Recognised, split

_DERIVED = re.compile(
    r"[._-](?:denoised?|deconv(?:olved)?|filt(?:ered)?|lowpass|isonet|corrected|ddw|cryocare|n2n|seg(?:mented|mentation)?"
    r"|labels?|mask(?:ed)?|prob(?:abilit(?:y|ies))?|scores?|corr|ctf|preview|thumb(?:nail)?|proj(?:ections?|xy|xz|yz)?)$",
    re.IGNORECASE,
)
_STACK = re.compile(
    r"[._-](?:st|stack|ali|preali|aligned|raw|fractions|fracs|frames|tiltseries|gain|ref|dark|ctfcorr|dcst|xcorr|orig)$",
    re.IGNORECASE,
)
_TRIMMED = re.compile(r"(?P<root>.+?)(?:_rec\.mrc|(?:_full)?\.rec|_full_rec\.mrc)")


class Generic(Producer):
    """Anything: the tomogram is named by its file's stem, or by `{tomogram}` in the pattern."""

    name: ClassVar[str] = "generic"
    suffixes: Sequence[str] = VOLUMES

    def __init__(self, pattern: str = "") -> None:
        self._pattern = NamePattern(pattern) if pattern else None
        if pattern:
            name, dot, suffix = pattern.rpartition(".")
            self.suffixes = (dot + suffix if name and suffix.isalnum() else "",)

    @property
    def is_users_word(self) -> bool:
        return self._pattern is not None

    def recognise(self, path: str, session: str = "") -> Recognised | None:
        """A pattern is the user's word; without one, names that say half, filtered copy or tilt stack are believed."""
        if self._pattern is None:
            return super().recognise(path, session)
        folder, name = split(path)
        stem, _, suffix = name.rpartition(".")
        named = self._pattern.name(path)
        return Recognised("full", named, folder + (stem or suffix)) if named else None

    def volume(self, path: str) -> Recognised | None:
        folder, name = split(path)
        stem, _, _ = name.rpartition(".")
        if not name.endswith(VOLUMES) or not stem:
            return None
        if _DERIVED.search(stem):
            return Recognised("other", stem, folder + stem, "made from a tomogram by another program, by its name")
        if _STACK.search(stem):
            return Recognised("other", stem, folder + stem, "a tilt stack or frames, by its name")
        return Recognised("full", stem, folder + stem)

    def rivals(self, file: Recognised, path: str) -> Sequence[str]:
        """IMOD's trimmed volume before the untrimmed one; the full volume before the even half that stands for it."""
        if self._pattern:
            return (path,)
        if file.role == "even":
            return [*(file.group + ending for ending in (*VOLUMES, "_full.mrc", "_full.rec")), path]
        folder, name = split(path)
        trimmed = _TRIMMED.fullmatch(name)
        return untrimmed_last(folder + trimmed["root"]) if trimmed else (path,)

    def stands_alone(self, file: Recognised, path: str) -> bool:
        """Some scripts write halves only."""
        return file.role == "even"

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
