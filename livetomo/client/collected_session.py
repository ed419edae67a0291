"""One session's picks of one feature on disk: a particles file that grows, and the tomograms' published files."""

import logging
import math
import os
from collections import Counter
from collections.abc import Mapping
from itertools import compress
from pathlib import Path

from livetomo.client.collected_tomogram import CollectedTomogram
from livetomo.client.news import Given, News
from livetomo.client.pickset import PickSet
from livetomo.core.errors import BadStar
from livetomo.core.naming import slug
from livetomo.curation.dropped import Dropped
from livetomo.formats.names import as_relion_has_it, particle_names, word
from livetomo.formats.particle_columns import ANGLES, CENTRED, FALSE_SHARE, PARTICLE, SCORE
from livetomo.formats.star import loop_text, read_loops

log = logging.getLogger("livetomo.client.collection")

_VALUES = (*CENTRED, *ANGLES, SCORE, FALSE_SHARE)
_NEEDED = (*CENTRED, SCORE)

Particle = tuple[float, ...]
"""Its `_VALUES`: NaN for angles and a share of false picks that are not known."""


class CollectedSession:
    """One session's picks of one feature.

    count: how many picks there are.
    news:  how they differ from those that the command was given last.
    """

    def __init__(self, folder: Path, feature: str) -> None:
        self.folder = folder
        self.star = folder / f"{slug(feature)}.star"
        self.taken: dict[str, CollectedTomogram] = {}
        self.count = 0
        self.news = News({}, {})
        self._rows: dict[str, list[Particle]] = {}
        self._is_written = True

    def take(self, pickset: PickSet, file: tuple[str, bytes] | None) -> bool:
        """Take in or take back; whether that changed anything. `file`: a name in `tomograms/`, and its content."""
        before = self.taken.get(pickset.tomogram)
        if pickset.retracted or pickset.left_out:
            if before is None or (pickset.retracted and before.result_id != pickset.result_id):
                return False
            if not pickset.retracted and before.is_newer(pickset):
                return False
            del self._rows[pickset.tomogram]
            self._put(pickset.tomogram, None)
            return True
        if before is not None and (before.is_of(pickset) or before.is_newer(pickset)):
            return False
        name = ""
        if file is not None:
            name = f"tomograms/{file[0]}"
            (self.folder / "tomograms").mkdir(parents=True, exist_ok=True)
            replace_file(self.folder / name, file[1])
        shares = pickset.false_shares() or [math.nan] * len(pickset.rows)
        angles = pickset.angles() or [(math.nan,) * 3] * len(pickset.rows)
        values = zip(pickset.centred_xyz_angstrom(), angles, pickset.scores(), shares, strict=True)
        self._rows[pickset.tomogram] = [(*xyz, *turn, score, share) for xyz, turn, score, share in values]
        self._put(pickset.tomogram, CollectedTomogram.of(pickset, name))
        return True

    def _put(self, name: str, taken: CollectedTomogram | None) -> None:
        """Let `taken` stand for a tomogram, or nothing."""
        before = self.taken.pop(name, None)
        if taken is not None:
            self.taken[name] = taken
            self.count += taken.count
        if before is not None:
            self.count -= before.count
            if before.file and (taken is None or before.file != taken.file):
                (self.folder / before.file).unlink(missing_ok=True)
        self.news.note(name, taken)
        self._is_written = False

    def curated(self) -> list[Dropped]:
        """What rules of curation have left out of what is collected."""
        return [each for name in sorted(self.taken) for each in self.taken[name].curated]

    def now(self) -> dict[str, Given]:
        """What a command is given that runs now."""
        return {name: Given.of(taken) for name, taken in self.taken.items()}

    def was_given(self, given: Mapping[str, Given]) -> None:
        """The command has run on `given`."""
        self.news = News(given, self.taken)

    def remember(self, taken: Mapping[str, CollectedTomogram], given: Mapping[str, Given]) -> list[CollectedTomogram]:
        """Go on with what an earlier run has written and given; what has to be taken in once more.

        The particles file is written first, and may be ahead of what is remembered: what it is ahead by comes again.
        A tomogram of which it has not as many rows as were taken in is forgotten, so that it is taken in anew.
        """
        rows = _rows_of(self.star)
        # Older versions wrote some names as they were.
        self._rows = {
            name: rows.get(called) or rows.get(taken[name].series or name, []) for name, called in _names(taken).items()
        }
        differing = [each for name, each in taken.items() if len(self._rows[name]) != each.count]
        for each in differing:
            found = len(self._rows.pop(each.tomogram))
            said = f"{found:,} rows of {each.tomogram} where {each.count:,} were taken in"
            log.warning(f"{self.star} has {said}: they are fetched again")
        self.taken = {name: each for name, each in taken.items() if name in self._rows}
        self.count = sum(each.count for each in self.taken.values())
        self.news = News(given, self.taken)
        self._is_written = not differing
        return differing

    def text(self) -> str:
        """The particles file: tomograms in the order of their names, so that nothing moves that did not change."""
        called = _names(self.taken)
        names = [called[name] for name in sorted(self._rows) for _ in self._rows[name]]
        rows = [row for name in sorted(self._rows) for row in self._rows[name]]
        known = [any(not math.isnan(value) for value in column) for column in zip(*rows, strict=True)]
        oriented = bool(rows) and not any(math.isnan(row[len(CENTRED)]) for row in rows)  # nothing is invented
        written = [
            label in _NEEDED or (oriented if label in ANGLES else bool(rows) and known[number])
            for number, label in enumerate(_VALUES)
        ]
        columns = ["rlnTomoName", *compress(_VALUES, written), PARTICLE]
        particles = zip(names, rows, particle_names(names), strict=True)
        return loop_text("particles", columns, ((name, *compress(row, written), own) for name, row, own in particles))

    def write(self) -> None:
        """Bring the particles file up to date."""
        if not self._is_written:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.star, self.text().encode())
            self._is_written = True


def _rows_of(star: Path) -> dict[str, list[Particle]]:
    """What `Session.text` has written, by what the tomograms are called in it; nothing where it cannot be read."""
    try:
        columns = read_loops(star)["particles"]
        names = columns["rlnTomoName"]
        missing = ["nan"] * len(names)
        values = [columns[label] if label in _NEEDED else columns.get(label, missing) for label in _VALUES]
        numbers = [list(map(float, column)) for column in values]
    except FileNotFoundError:
        return {}
    except (BadStar, LookupError, ValueError) as fault:
        log.warning(f"{star} is damaged ({fault})")
        return {}
    rows: dict[str, list[Particle]] = {}
    for name, *row in zip(names, *numbers, strict=True):
        rows.setdefault(name, []).append(tuple(row))
    return rows


def _names(taken: Mapping[str, CollectedTomogram]) -> dict[str, str]:
    """What each tomogram is called in the star: as its tilt series, unless two would be called so.

    A series is called as RELION's own star has it, as in a session's exports.
    """
    called = Counter(each.series or name for name, each in taken.items())

    def of(name: str, each: CollectedTomogram) -> str:
        series = each.series or name
        if called[series] > 1:
            return word(name)
        return as_relion_has_it(series) if each.is_relions else word(series)

    return {name: of(name, each) for name, each in taken.items()}


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: who reads it sees the old or the new one."""
    fresh = path.with_name(f".{path.name}.new")
    try:
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)  # where there is no room, it would take what is left
        raise
