"""The parts of a volume's name, as programs put them together: words of copies, and words that distinguish places."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PRODUCT = re.compile(
    r"denois|deconv|correct|filter|lowpass|isonet|cryocare|n2[nv]|noise2|ddw|dewedg|topaz|unet|inpaint|predict|segment"
    r"|label|mask|prob|score|match|detect|template|pick|angles?$|convmap|tardis|membrain|easymode|export|slabify|classif|cluster|refin|restor"
    r"|enhanc|clean|invert|flip|rescal|normali[sz]|convert|pytom|deepfinder|cryolo|stopgap|sirt"
    r"|[._-]dn$|^(?:bin(?:ned)?\d*|seg|den|dn|nad\w*|ctf|lp\d*|filt)$",
    re.IGNORECASE,
)
# What numbers, or names, another place, another series or another acquisition of the same place.
_PLACE = (
    r"(?:pos(?:ition)?|ts|tilt(?:series)?|tomo(?:gram)?|series|stack|area|region|roi|lam(?:ella|el)?|grid|square|sq|hole"
    r"|target|tgt|item|exp(?:osure)?|acq(?:uisition)?|stage|site|point|pt|cell|foil|sample|session|day|run|slot|chip"
    r"|override|redo|repeat|retake|again|[acdeghk-tw-z])"
)
_SERIES = re.compile(
    r"(?:^|[._ -])(?:pos(?:ition)?|ts|tilt(?:series)?|tomo(?:gram)?|lam(?:ella)?|grid|area|roi)[._ -]?\d", re.IGNORECASE
)
_COPY_PART = re.compile(
    r"b(?:in)?\d+|\d+bit|(?:f|float|int|uint)\d+|copy|old|bak|backup|srec\d*|ctf|proj\w*|2nd|3rd|features?|3dctf|semantic|instance",
    re.IGNORECASE,
)
_ANOTHER = re.compile(rf"(?:\d+|{_PLACE}\d*|[ab])", re.IGNORECASE)
_HOLDS_TOMOGRAMS = re.compile(r"(?:tomo|recon|vol|rec(?:s)?$)\w*", re.IGNORECASE)
_STACKS = re.compile(r"tilt|stack|frame|movie|raw|mdoc|align", re.IGNORECASE)
_SEPARATORS = re.compile(r"[._ -]+")
TAIL = re.compile(r"(?:[._-](?:vol|rec|full_rec|full)|_\d+(?:\.\d+)?Apx)$", re.IGNORECASE)
_HEAD = "rec_"
_BETWEEN = "._- "
_PROCESSING = re.compile(
    r"aretomo\d?|imod|etomo|batchruntomo|relion\d?|warp|bin\d+|\d+(?:\.\d+)?(?:apx|angpix|ang)|\d+\.\d+a"
    r"|recons?|reconstructions?|rec|volumes?|tomos?|tomograms?|wbp|sirt\d*|sart\d*|v\d+|re-?(?:run|do|recon)\d*",
    re.IGNORECASE,
)
_WORD_BREAKS = re.compile(r"[_\- ]+")


@dataclass(frozen=True, slots=True)
class VolumeName:
    """head (RELION's `rec_`), core, tail (`_rec`, `_Vol`, `_10.00Apx`), ending (`.mrc`): together they are the name."""

    head: str
    core: str
    tail: str
    ending: str

    @staticmethod
    def of(name: str) -> "VolumeName":
        """The parts of `name`, which is not compressed."""
        stem, dot, ending = name.rpartition(".")
        head = _HEAD if stem.startswith(_HEAD) and stem != _HEAD else ""
        whole = stem[len(head) :]
        tail = TAIL.search(whole)
        end = tail.start() if tail and tail.start() else len(whole)
        return VolumeName(head, whole[:end], whole[end:], dot + ending)

    @property
    def is_reconstruction(self) -> bool:
        """Whether only volumes are called so."""
        return bool(self.head or self.tail) or self.ending == ".rec"

    def shorter(self) -> Iterator[str]:
        """The cores of whose volumes this may be a copy, the longest first.

        A name without a number, like `yeast`, begins the names of many samples: what is longer is a copy only where it
        says so.
        """
        for number in reversed(range(1, len(self.core))):
            begins = self.core[number] in _BETWEEN and self.core[number - 1] not in _BETWEEN
            core, rest = self.core[:number], self.core[number:]
            if not begins or names_another(rest) or names_a_series(rest):
                continue
            if any(letter.isdigit() for letter in core) or says_it_is_made(rest):
                yield core

    def behind_product(self) -> Iterator[str]:
        """The cores before which a program has set a word of its own, the longest first: `corrected_TS_01`."""
        for number in range(1, len(self.core)):
            if self.core[number - 1] in _BETWEEN and is_product(self.core[: number - 1]):
                yield self.core[number:]


def is_product(word: str) -> bool:
    """Whether a folder, or the beginning of a name, is called as programs call what they make of tomograms."""
    return _PRODUCT.search(word) is not None


def names_another(rest: str) -> bool:
    """Whether `rest`, by which a name is longer, distinguishes two tomograms: `_2`, `_pos3`, `_ts_002`, `_b`.

    The first of its parts decides: `TS_1_2_filtered` is no copy of `TS_1`.
    """
    first = next((part for part in _SEPARATORS.split(rest) if part), "")
    return _ANOTHER.fullmatch(first) is not None


def names_a_series(rest: str) -> bool:
    """Whether `rest` names a series of its own by word and number, and no program's product: `_wt_TS_01`, `_a_pos3`."""
    return _SERIES.search(rest) is not None and not is_product(rest)


def says_it_is_made(rest: str) -> bool:
    """Whether a part of `rest` is a word of programs, or the voxels' binning or type: `_bin4`, `_8bit`, `_refined`."""
    return any(is_product(part) or _COPY_PART.fullmatch(part) for part in _SEPARATORS.split(rest) if part)


def may_hold_tomograms(folder: str) -> bool:
    """Whether a folder below tomograms of the same names is called as one with others, or with the tomograms proper."""
    return not is_product(folder) and (names_another(folder) or _HOLDS_TOMOGRAMS.match(folder) is not None)


def may_hold_sources(folder: str) -> bool:
    """Whether a folder beside one with copies is called as one may be that holds what they were made from."""
    return not is_product(folder) and _STACKS.search(folder) is None


def without_processing(folder: str) -> str:
    """`folder` without words for how its volumes were made: `s/grid1/aretomo_bin4/` and `s/grid1_bin4/` are `s/grid1/`.

    Two folders of which the same is left hold the same series: `bin4` and `bin8` do, `grid1` and `grid2` do not.
    """
    parts = []
    for part in folder.strip("/").split("/"):
        words = [word for word in _WORD_BREAKS.split(part) if not _PROCESSING.fullmatch(word)]
        if words:
            parts.append("_".join(words))
    return "/".join(parts) + "/"
