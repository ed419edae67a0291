"""Look at a watch twice and say of every volume what would become of it: what `livetomo scan` shows."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from livetomo.config.patterns import ExcludedPaths, SessionPattern
from livetomo.core.errors import NotATomogram, PermanentError
from livetomo.core.tomogram import KnownFile
from livetomo.formats.endings import VOLUMES, by_ending, plain_path
from livetomo.intake.candidates import NOT_TEXT, is_text
from livetomo.intake.completeness import Judge
from livetomo.intake.halves import NO_HALVES, HalfFinder, Halves, missing_halves
from livetomo.intake.known import Known
from livetomo.intake.origins import Origins
from livetomo.intake.producers import Producer, Recognised, Role, choose, recognise
from livetomo.intake.relations import Relations
from livetomo.intake.settings import WatchSettings
from livetomo.intake.settle import Settler
from livetomo.intake.tree import Entry, Look, Neighbours, NotAFile, Tree
from livetomo.intake.walk import Walk

MOST_ALIKE = 10
"""Files of another format in one folder that are listed: where frames are kept, there are thousands."""


@dataclass(frozen=True, slots=True)
class Surveyed:
    """One file. `path` is absolute; what is not known is None; `reason` says why it is taken or not."""

    path: str
    watch: str
    session: str | None
    tomogram: str | None
    producer: str | None
    role: Role
    taken: bool
    reason: str


@dataclass(slots=True)
class _File:
    path: str
    entry: Entry
    own: bool
    first: Look | None = None
    producer: Producer | None = None
    file: Recognised | None = None
    session: str | None = None
    halves: Halves = NO_HALVES
    taken: bool = False
    reason: str = ""


class Survey:
    """Of one watch. Call `look`, wait for the settle time, and ask for `report`. `troubles` are folders not seen."""

    def __init__(self, settings: WatchSettings, tree: Tree) -> None:
        self._settings = settings
        self._tree = tree
        self._producers = choose(settings.producers, settings.pattern)
        self._suffixes = (*VOLUMES, *(suffix for producer in self._producers for suffix in producer.suffixes))
        self._session = SessionPattern(settings.session)
        self._exclusion = ExcludedPaths(settings.exclude)
        self._near = Neighbours(tree)
        self._judge = Judge(settings, tree, self._near, Settler(settings.settle, lambda: 0.0))
        self._halves = HalfFinder(settings, tree, self._near, self._rested)
        self._relations = Relations(tree, self._near, self._producers, self._session)
        self._files: dict[str, _File] = {}
        self._stamps: dict[tuple[int, int], str] = {}
        self.troubles: list[str] = []

    def look(self) -> None:
        """The first look."""
        self._files = {path: _File(path, entry, own, self._look(path)) for path, entry, own in self._volumes()}
        self.troubles.clear()

    def report(self) -> list[Surveyed]:
        """The second look, and what it says, in the order of the paths."""
        self._near.clear()
        self._files = {path: self._files.get(path) or _File(path, entry, own) for path, entry, own in self._volumes()}
        files = [self._files[path] for path in sorted(self._files)]
        for one in files:
            self._recognise(one)
        places: dict[tuple[int, int], str] = {}
        self._stamps = {}
        names: dict[tuple[str, str], str] = {}
        wholes = [one for one in files if not one.reason and _is_whole(one)]
        for one in sorted(
            wholes, key=lambda one: (one.entry.is_symlink(), one.file is None or one.file.role != "full")
        ):
            if one.taken:
                continue  # the half of a full volume
            try:
                one.reason = self._why_not(one, places)
            except NotAFile:
                one.reason = "not a regular file"
            except NotATomogram as error:
                one.reason = str(error)
            except PermanentError as error:
                one.reason = f"bad: {error}"
            except OSError as error:
                one.reason = f"cannot be read ({error.strerror or error})"
            if not one.reason:
                self._take(one, names)
        for one in files:
            if one.file and one.file.role in ("even", "odd") and not one.reason:
                one.reason = "no full volume that it goes with is taken"
        return [self._surveyed(one) for one in files]

    def _volumes(self) -> Iterator[tuple[str, Entry, bool]]:
        """(path, entry, whether it lies in one of livetomo's own results) of whatever may be a volume by its ending."""
        for listing in Walk(self._tree, self._exclusion).everything():
            if listing.error is not None:
                self.troubles.append(f"{listing.folder or self._settings.root}: {listing.error.strerror}")
            others: Counter[str] = Counter()
            for entry in sorted((*listing.files, *listing.stores), key=lambda entry: entry.name):
                path = f"{listing.folder}/{entry.name}" if listing.folder else entry.name
                if plain_path(entry.name).endswith(self._suffixes):
                    yield path, entry, listing.own
                elif kind := by_ending(entry.name):
                    others[kind[0]] += 1
                    if others[kind[0]] <= MOST_ALIKE:
                        yield path, entry, listing.own

    def _look(self, path: str) -> Look | None:
        try:
            return self._tree.look(path)
        except OSError:
            return None

    def _recognise(self, one: _File) -> None:
        """Who it is by its name, and whether that already rules it out."""
        one.session, folder = self._session.place(one.path)
        found = recognise(self._producers, one.path, folder)
        if one.own:
            one.reason = "one of livetomo's own results"
        elif self._exclusion.has_file(one.path):
            one.reason = "excluded by the configuration"
        elif not is_text(one.path):
            one.reason = NOT_TEXT
        elif kind := by_ending(one.path) if found is None else None:
            one.reason = f"{kind[0]}. {kind[1]}"
        elif one.entry.is_dir():
            one.reason = "a folder, not a file"
        elif found is None:
            names = ", ".join(producer.name for producer in self._producers)
            one.reason = f"not a name that a tomogram has ({names})"
        else:
            one.producer, one.file = found
            if one.file.role == "other":
                one.reason = one.file.reason
            elif one.session is None:
                one.reason = self._session.mismatch

    def _why_not(self, one: _File, places: dict[tuple[int, int], str]) -> str:
        """Why this full volume is not taken; empty where it is, and then its place is noted."""
        assert one.producer is not None
        assert one.file is not None
        if reason := self._relations.why_not(one.producer, one.file, one.path):
            return reason
        look = self._tree.look(one.path)
        if other := places.get((look.device, look.inode)):
            return f"the same file as {other}"
        if look != one.first:
            return "still changing"
        since = self._settings.since
        if not isinstance(since, str) and look.modified_ns < since * 1e9:
            return "older than the configuration's date"
        self._judge.check_volume(one.producer, one.path, look, rest=float("inf"))
        signal = one.producer.signal(one.file, one.path, self._tree)
        if signal.state == "awaited":
            return f"not complete: {signal.reason}"
        one.halves = self._halves.find(one.producer, one.file, one.path, signal)
        if one.file.role != "full" and one.halves.missing:
            return f"a half-map without its partner: {missing_halves(one.halves)}"
        if other := self._twin(one.path, look):
            return f"the same content as {other}, which is taken: one of them is a copy"
        places[look.device, look.inode] = one.path
        return ""

    def _twin(self, path: str, look: Look) -> str:
        """A file that is taken and has the same size, time and content; other copies show when they are read."""
        other = self._stamps.setdefault((look.size, look.modified_ns), path)
        if other == path:
            return ""
        known = Known([KnownFile(other, self._tree.content(other))])
        origin = Origins(self._tree, known, lambda: None).of(path, self._tree.content(path))
        return other if origin else ""

    def _take(self, one: _File, names: dict[tuple[str, str], str]) -> None:
        """Take a full volume, its halves with it, and say so."""
        assert one.producer is not None
        assert one.file is not None
        assert one.session is not None
        halves = one.halves
        one.taken = True
        said = ["complete" if one.file.role == "full" else "complete; with its partner it stands for the full volume"]
        if missing := missing_halves(halves):
            wait = f", waited for up to {self._settings.halves_patience:g} s" if halves.waits else ""
            said.append(f"{missing}{wait}")
        other = names.setdefault((one.session, one.file.name), one.path)
        if other != one.path:
            again = one.producer.series(one.file, one.path)
            is_again = again and again == one.producer.series(one.file, other)
            which = "is of the same tilt series: one of the two is in force" if is_again else "has the same name"
            said.append(f"{other} {which}, so one of them gets a suffix")
        one.reason = "; ".join(said)
        for path in halves.complete.values():
            if path in self._files and path != one.path:
                self._files[path].taken = True
                self._files[path].reason = f"goes with {one.path}"
        for role, path in self._halves.places(one.file, one.path):
            if path in self._files and not self._files[path].taken and role in halves.missing:
                self._files[path].reason = f"half of {one.path}, but {halves.missing[role]}"

    def _rested(self, path: str, look: Look) -> float | None:
        """As a settler's word on a half: at rest if both looks agree."""
        one = self._files.get(path)
        return self._settings.settle if one is not None and one.first == look else None

    def _surveyed(self, one: _File) -> Surveyed:
        return Surveyed(
            path=os.path.join(self._settings.root, one.path),  # noqa: PTH118
            watch=self._settings.name,
            session=one.session,
            tomogram=one.file.name if one.file else None,
            producer=one.producer.name if one.producer else None,
            role=one.file.role if one.file else "other",
            taken=one.taken,
            reason=one.reason,
        )


def _is_whole(one: _File) -> bool:
    """Whether it is a full volume, or stands for one."""
    if one.producer is None or one.file is None:
        return False
    return one.file.role == "full" or one.producer.stands_alone(one.file, one.path)
