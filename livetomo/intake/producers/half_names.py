"""How programs and scripts name half maps: the one table by which they are recognised and, with that, found."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

_OF = r"(?:[_-]?(?:frames?|tilts?|half|maps?|tomo(?:gram)?s?))?"
_HALF = r"half(?:[_-]?(?:map|set|vol))?[_-]?"
_TAG = rf"(?:(?P<even>even{_OF}|evn|{_HALF}1)|(?P<odd>odd{_OF}|{_HALF}2))"
# Letters count at a name's end alone: `half_a_dose_TS_01` and a folder of half a grid are no half maps.
_END_TAG = _TAG.replace(f"{_HALF}1", f"{_HALF}[1a]").replace(f"{_HALF}2", f"{_HALF}[2b]")
_TAIL = r"(?P<tail>[._-](?:vol|rec|full_rec|full)|_\d+(?:\.\d+)?Apx)?"
_SUFFIX = re.compile(rf"(?P<stem>.+?)[._-]{_END_TAG}{_TAIL}$", re.IGNORECASE)
_PREFIX = re.compile(rf"(?P<rec>rec_)?{_TAG}[._-](?P<stem>.+)$", re.IGNORECASE)
_ONLY_TAIL = re.compile(r"(?:vol|rec|full_rec|full)$", re.IGNORECASE)
_WORDS = ("ev", "odd", "half")
_FOLDER = re.compile(rf"(?:(?P<other>.+)[._-])?{_TAG}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HalfName:
    """What a half map's path says. folder (with a trailing "/") and stem: those of the full volume."""

    role: Literal["even", "odd"]
    folder: str
    stem: str


def half_of(folder: str, stem: str, session: str = "") -> HalfName | None:
    """The half that a file of this folder and stem is, by its name or by a folder below `session`.

    `TS_EVN`, `TS-half1`, `TS_halfA`, `TS.even_rec`, `even_TS`; `EVN/TS`,
    `even/TS_even`, `half1/a/TS`, `tomograms_odd/TS`.
    """
    named = _by_stem(stem)
    placed = _by_folder(folder, session)
    if named is None:
        return HalfName(placed[0], placed[1], stem) if placed else None
    role, whole = named
    return HalfName(role, placed[1] if placed and placed[0] == role else folder, whole)


def _by_stem(stem: str) -> tuple[Literal["even", "odd"], str] | None:
    """The role and the full volume's stem."""
    lower = stem.lower()
    if not any(word in lower for word in _WORDS):
        return None
    if match := _SUFFIX.fullmatch(stem):
        return "even" if match["even"] else "odd", match["stem"] + (match["tail"] or "")
    match = _PREFIX.fullmatch(stem)
    if match and not _ONLY_TAIL.fullmatch(match["stem"]):
        return "even" if match["even"] else "odd", (match["rec"] or "") + match["stem"]
    return None


@lru_cache(maxsize=1000)
def _by_folder(folder: str, session: str) -> tuple[Literal["even", "odd"], str] | None:
    """The role and the full volume's folder. Words that name the session, or what is above it, say nothing."""
    inner = folder[len(session) :] if folder.startswith(session) else folder
    parts = inner.split("/")[:-1]
    for number in reversed(range(len(parts))):
        if match := half_folder(parts[number]):
            role, other = match
            kept = [*parts[:number], *([other] if other else []), *parts[number + 1 :]]
            return role, folder[: len(folder) - len(inner)] + "".join(f"{part}/" for part in kept)
    return None


def half_folder(name: str) -> tuple[Literal["even", "odd"], str] | None:
    """The role of the volumes in a folder of this name, and the folder's name without that tag."""
    match = _FOLDER.fullmatch(name)
    return ("even" if match["even"] else "odd", match["other"] or "") if match else None
