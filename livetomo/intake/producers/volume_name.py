"""The parts of a volume's name, as programs put them together."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from livetomo.intake.producers.words import is_product, names_a_series, names_another, says_it_is_made

TAIL = re.compile(r"(?:[._-](?:vol|rec|full_rec|full)|_\d+(?:\.\d+)?Apx)$", re.IGNORECASE)
_HEAD = "rec_"
_SEPARATORS = "._- "


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
            begins = self.core[number] in _SEPARATORS and self.core[number - 1] not in _SEPARATORS
            core, rest = self.core[:number], self.core[number:]
            if not begins or names_another(rest) or names_a_series(rest):
                continue
            if any(letter.isdigit() for letter in core) or says_it_is_made(rest):
                yield core

    def behind_product(self) -> Iterator[str]:
        """The cores before which a program has set a word of its own, the longest first: `corrected_TS_01`."""
        for number in range(1, len(self.core)):
            if self.core[number - 1] in _SEPARATORS and is_product(self.core[: number - 1]):
                yield self.core[number:]
