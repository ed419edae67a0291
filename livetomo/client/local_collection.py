"""Picks gathered on disk, session by session: a particles file that grows, and what was published for each tomogram.

Below the output folder:

    <watch>/<session>/<feature>.star                       all picks, for RELION 5, and its names; replaced whole
    <watch>/<session>/tomograms/<tomogram>.<format>.<ext>  the published files, where a format is asked for
    follow.json                                            what was taken in, so that a restart goes on
"""

import json
import logging
import math
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from livetomo.client.pickset import PickSet
from livetomo.client.standing import Place, Standing
from livetomo.core.errors import BadStar, ConfigurationError
from livetomo.core.naming import slug
from livetomo.core.quality.metric import WORST_VERDICT, Verdict
from livetomo.formats.names import word
from livetomo.formats.particle_columns import CENTRED, FALSE_SHARE, SCORE
from livetomo.formats.star import loop_text, read_loops

log = logging.getLogger("livetomo.client.collection")

_COLUMNS = ("rlnTomoName", *CENTRED, SCORE)


Particle = tuple[float, float, float, float, float]
"""x, y and z in Å from the tomogram's centre, the score, and the share of false picks, NaN if it is not known."""


@dataclass(frozen=True, slots=True)
class CollectedTomogram:
    """What is kept of a tomogram. `file` is relative to the session's folder; empty where no format is asked for."""

    tomogram: str
    revision: int
    seq: int
    event_id: str
    result_id: str
    count: int
    file: str = ""
    epoch: str = ""
    series: str = ""


class CollectedSession:
    """One session's picks of one feature."""

    def __init__(self, folder: Path, feature: str) -> None:
        self.folder = folder
        self.star = folder / f"{slug(feature)}.star"
        self.taken: dict[str, CollectedTomogram] = {}
        self._rows: dict[str, list[Particle]] = {}
        self._is_written = True

    @property
    def count(self) -> int:
        """How many picks there are."""
        return sum(taken.count for taken in self.taken.values())

    def take(self, pickset: PickSet, file: tuple[str, bytes] | None) -> bool:
        """Take in or take back; whether that changed anything. `file`: a name in `tomograms/`, and its content."""
        before = self.taken.get(pickset.tomogram)
        if pickset.retracted or pickset.left_out:
            if before is None or (pickset.retracted and before.result_id != pickset.result_id):
                return False
            if not pickset.retracted and _is_newer(before, pickset):
                return False
            del self.taken[pickset.tomogram], self._rows[pickset.tomogram]
            self._remove(before)
            self._is_written = False
            return True
        if before is not None and (before.event_id == pickset.event_id or _is_newer(before, pickset)):
            return False
        name = ""
        if file is not None:
            name = f"tomograms/{file[0]}"
            (self.folder / "tomograms").mkdir(parents=True, exist_ok=True)
            replace_file(self.folder / name, file[1])
        shares = pickset.false_shares() or [math.nan] * len(pickset.rows)
        values = zip(pickset.centred_xyz_angstrom(), pickset.scores(), shares, strict=True)
        self._rows[pickset.tomogram] = [(*xyz, score, share) for xyz, score, share in values]
        self.taken[pickset.tomogram] = CollectedTomogram(
            pickset.tomogram,
            pickset.revision,
            pickset.seq,
            pickset.event_id,
            pickset.result_id,
            len(pickset.rows),
            name,
            pickset.epoch,
            pickset.series,
        )
        if before is not None and before.file != name:
            self._remove(before)
        self._is_written = False
        return True

    def remember(self, taken: Mapping[str, CollectedTomogram]) -> list[CollectedTomogram]:
        """Go on with what an earlier run has written; what has to be taken in once more.

        The particles file is written first, and may be ahead of what is remembered: what it is ahead by comes again.
        A tomogram of which it has not as many rows as were taken in is forgotten, so that it is taken in anew.
        """
        rows = _rows_of(self.star)
        self._rows = {name: rows.get(word(called)) or rows.get(called, []) for name, called in _names(taken).items()}
        differing = [each for name, each in taken.items() if len(self._rows[name]) != each.count]
        for each in differing:
            found = len(self._rows.pop(each.tomogram))
            said = f"{found:,} rows of {each.tomogram} where {each.count:,} were taken in"
            log.warning(f"{self.star} has {said}: they are fetched again")
        self.taken = {name: each for name, each in taken.items() if name in self._rows}
        self._is_written = not differing
        return differing

    def text(self) -> str:
        """The particles file: tomograms in the order of their names, so that nothing moves that did not change."""
        called = _names(self.taken)
        rows = [(word(called[name]), *row) for name in sorted(self._rows) for row in self._rows[name]]
        if all(math.isnan(row[-1]) for row in rows):
            return loop_text("particles", _COLUMNS, (row[:-1] for row in rows))
        return loop_text("particles", (*_COLUMNS, FALSE_SHARE), rows)

    def write(self) -> None:
        """Bring the particles file up to date."""
        if not self._is_written:
            self.folder.mkdir(parents=True, exist_ok=True)
            replace_file(self.star, self.text().encode())
            self._is_written = True

    def _remove(self, taken: CollectedTomogram) -> None:
        if taken.file:
            (self.folder / taken.file).unlink(missing_ok=True)


class Collection:
    """All sessions below one folder."""

    def __init__(
        self,
        folder: Path,
        feature: str,
        kind: str | None = None,
        false_share: float | None = None,
        verdict: Verdict = WORST_VERDICT,
    ) -> None:
        self.position: int | None = None
        self.epoch = ""
        self.began = 0
        self.sessions: dict[tuple[str, str], CollectedSession] = {}
        self._folder = folder
        self._feature = feature
        self._kind = kind
        self._false_share = false_share
        self._verdict = verdict
        self._state = folder / "follow.json"
        folder.mkdir(parents=True, exist_ok=True)
        if self._state.exists():
            self._remember(json.loads(self._state.read_text(encoding="utf-8")))

    @property
    def tomograms(self) -> int:
        """How many tomograms there are."""
        return sum(len(session.taken) for session in self.sessions.values())

    @property
    def count(self) -> int:
        """How many picks there are."""
        return sum(session.count for session in self.sessions.values())

    def take(self, pickset: PickSet, file: tuple[str, bytes] | None) -> CollectedSession | None:
        """Take in or take back; the session that this changed, or None."""
        session = self._session(pickset.watch, pickset.session)
        return session if session.take(pickset, file) else None

    def standing(self) -> dict[Place, Standing]:
        """Which set stands for each tomogram."""
        return {
            (watch, name, taken.tomogram): Standing(taken.event_id, taken.result_id)
            for (watch, name), session in self.sessions.items()
            for taken in session.taken.values()
        }

    def save(self, position: int | None, epoch: str = "", began: int = 0) -> None:
        """Make what was taken in, up to `position` of `epoch`, survive this program."""
        self.position, self.epoch, self.began = position, epoch, began
        for session in self.sessions.values():
            session.write()
        body: dict[str, Any] = {
            "feature": self._feature,
            "format": self._kind,
            "position": position,
            "epoch": epoch,
            "began": began,
            "sessions": [
                {"watch": watch, "session": name, "taken": [asdict(taken) for taken in session.taken.values()]}
                for (watch, name), session in self.sessions.items()
            ],
        }
        if self._false_share is not None:
            body["false_share"] = self._false_share
        if self._verdict != WORST_VERDICT:
            body["verdict"] = self._verdict
        replace_file(self._state, json.dumps(body, indent=1).encode())

    def _session(self, watch: str, session: str) -> CollectedSession:
        if (watch, session) not in self.sessions:
            self.sessions[watch, session] = CollectedSession(self._folder / slug(watch) / slug(session), self._feature)
        return self.sessions[watch, session]

    def _remember(self, body: Mapping[str, Any]) -> None:
        if (body["feature"], body["format"]) != (self._feature, self._kind):
            wanted = " as ".join(filter(None, (body["feature"], body["format"])))
            raise ConfigurationError(f"{self._folder} collects {wanted}. Give each collection its own output folder.")
        before = body.get("false_share")
        if before != self._false_share:
            said = "all published picks" if before is None else f"picks with --false-share {before:g}"
            raise ConfigurationError(f"{self._folder} collects {said}. Give each collection its own output folder.")
        worst = body.get("verdict", WORST_VERDICT)
        if worst != self._verdict:
            said = f"picks with --verdict {worst}"
            raise ConfigurationError(f"{self._folder} collects {said}. Give each collection its own output folder.")
        self.position, self.epoch, self.began = body["position"], body.get("epoch", ""), body.get("began", 0)
        for each in body["sessions"]:
            taken = {one["tomogram"]: CollectedTomogram(**one) for one in each["taken"]}
            for again in self._session(each["watch"], each["session"]).remember(taken):
                if self.position is not None:  # of another epoch the numbers mean nothing: from the beginning then
                    self.position = min(self.position, again.seq - 1 if again.epoch == self.epoch else 0)


def _rows_of(star: Path) -> dict[str, list[Particle]]:
    """What `Session.text` has written, by what the tomograms are called in it; nothing where it cannot be read."""
    try:
        columns = read_loops(star)["particles"]
        names = columns["rlnTomoName"]
        shares = columns.get(FALSE_SHARE, ["nan"] * len(names))
        numbers = [[float(word) for word in column] for column in (*(columns[name] for name in _COLUMNS[1:]), shares)]
    except FileNotFoundError:
        return {}
    except (BadStar, LookupError, ValueError) as fault:
        log.warning(f"{star} is damaged ({fault})")
        return {}
    rows: dict[str, list[Particle]] = {}
    for name, x, y, z, score, share in zip(names, *numbers, strict=True):
        rows.setdefault(name, []).append((x, y, z, score, share))
    return rows


def _names(taken: Mapping[str, CollectedTomogram]) -> dict[str, str]:
    """What each tomogram is called: as its tilt series, unless two would be called so."""
    called = Counter(each.series or name for name, each in taken.items())
    return {name: each.series if each.series and called[each.series] == 1 else name for name, each in taken.items()}


def _is_newer(taken: CollectedTomogram, pickset: PickSet) -> bool:
    """Whether what was taken has come after `pickset`; of different epochs, the daemon's order of telling counts."""
    return taken.epoch == pickset.epoch and taken.seq > pickset.seq


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: who reads it sees the old or the new one."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
