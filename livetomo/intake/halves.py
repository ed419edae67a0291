"""Group a full volume with its even and odd half maps: whatever around it is recognised as a half of its group."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from livetomo.config.patterns import SessionPattern
from livetomo.core.errors import PermanentError
from livetomo.formats.endings import VOLUMES, plain_path, stem
from livetomo.formats.mrc_header import check_size
from livetomo.intake.producers import Half, Producer, Recognised, Signal, choose, recognise
from livetomo.intake.producers.half_names import half_folder, half_of
from livetomo.intake.producers.producer import parent, split
from livetomo.intake.producers.volume_name import TAIL
from livetomo.intake.settings import WatchSettings
from livetomo.intake.tree import Look, Neighbours, NotAFile, Tree

_FULL = re.compile(r"[._-]full(?=[._-]rec$|$)", re.IGNORECASE)

MOST_FOLDERS_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Halves:
    """What there is of a tomogram's halves, by role, and why those that are missing are.

    waits: the sentence to wait for, where it is worth waiting.
    """

    complete: Mapping[str, str]
    missing: Mapping[str, str]
    waits: str = ""


NO_HALVES = Halves({}, {})
_OTHER_SHAPE = "has another shape than the full volume"


class HalfFinder:
    """Finds halves. `rest`: for how long a file has been what it is at this look; None at the first one."""

    def __init__(
        self, settings: WatchSettings, tree: Tree, near: Neighbours, rest: Callable[[str, Look], float | None]
    ) -> None:
        self._settings = settings
        self._tree = tree
        self._rest = rest
        self._search = HalfSearch(choose(settings.producers, settings.pattern), SessionPattern(settings.session), near)

    def places(self, file: Recognised, path: str) -> list[tuple[Half, str]]:
        """The files that are halves of the full volume at `path`, whole or not: (role, path), likeliest first."""
        return self._search.places(file, path)

    def glance(self, file: Recognised, path: str) -> None:
        """Look at them, so that their rest counts from now and not from when the full volume is complete."""
        if self._settings.halves == "ignore":
            return
        for _, place in self.places(file, path):
            try:
                self._rest(place, self._tree.look(place))
            except OSError:
                continue  # `find` says why, when it matters

    def find(self, producer: Producer, file: Recognised, path: str, signal: Signal) -> Halves:
        """The halves of the full volume at `path`, which is complete itself."""
        if self._settings.halves == "ignore" and file.role == "full":
            return NO_HALVES
        places = self.places(file, path)
        if not places and not producer.writes_halves(file, path, self._tree):
            return NO_HALVES
        shape = self._tree.header(path).shape_zyx
        complete: dict[str, str] = {}
        missing: dict[str, str] = {}
        growing = False
        for half in ("even", "odd"):
            there = {place: self._why_not(place, shape) for role, place in places if role == half}
            there = {
                place: reason
                for place, reason in there.items()
                # A tilt stack of half the frames may be called like a half of the volume, but for its ending.
                if reason != _OTHER_SHAPE or self._search.is_alike(place, path)
            }
            whole = next((place for place, reason in there.items() if not reason), None)
            if whole is not None:
                complete[half] = whole
            elif there:
                missing[half] = next(iter(there.values()))
                growing = True
            else:
                missing[half] = "is not there"
        if not missing:
            return Halves(complete, {})
        expected = growing or bool(complete) or producer.writes_halves(file, path, self._tree)
        # A producer that says that it has finished will not write what is not there.
        still_to_come = growing or (expected and signal.state != "given")
        if not expected:
            return NO_HALVES
        waits = _sentence(missing) if still_to_come and self._settings.halves == "wait" else ""
        return Halves(complete, missing, waits)

    def _why_not(self, path: str, shape: tuple[int, int, int]) -> str:
        """Why the half at `path` cannot be used yet; empty where it is whole."""
        try:
            look = self._tree.look(path)
            rest = self._rest(path, look)
            header = self._tree.header(path)
            check_size(header, look.size, Path(path))
        except PermanentError as error:
            return f"is not whole ({error.reason})"
        except NotAFile:
            return "is not a file"
        except OSError as error:
            return f"cannot be read ({error.strerror or error})"
        if header.shape_zyx != shape:
            return _OTHER_SHAPE
        if rest is None or rest < self._settings.settle:
            return "is still changing"
        return ""


def missing_halves(halves: Halves) -> str:
    """The sentence for people about halves that are not there; empty where nothing is missing."""
    return _sentence(halves.missing) if halves.missing else ""


def _sentence(missing: Mapping[str, str]) -> str:
    if len(set(missing.values())) == 1 and len(missing) == 2:
        reason = next(iter(missing.values())).replace("is ", "are ", 1)
        return f"its even and odd halves {reason}"
    return " and ".join(f"its {half} half {reason}" for half, reason in missing.items())


@dataclass(frozen=True, slots=True)
class _Around:
    """A folder's names; of these the files of halves, and the folders of halves with their names without the tag."""

    names: frozenset[str]
    halves: list[str]
    folders: list[tuple[str, str]]


class HalfSearch:
    """Searches the folders around a full volume, never above its session's."""

    def __init__(self, producers: Sequence[Producer], session: SessionPattern, near: Neighbours) -> None:
        self._producers = producers
        self._session = session
        self._near = near
        self._seen: dict[str, _Around] = {}

    def places(self, file: Recognised, path: str) -> list[tuple[Half, str]]:
        """The halves of the full volume at `path`, or of that which a half stands for, likeliest first."""
        folder, whole = split(file.group)
        groups = {file.group, folder + _FULL.sub("", whole)}
        core = TAIL.sub("", whole)
        ending = plain_path(path)[-4:]
        found = []
        for number, place in enumerate(self._folders(folder, path)):
            names = self._near.names(place) if number else self._around(place).halves
            for name in sorted(name for name in names if core in name):
                if role := self._half(place + name, groups):
                    found.append((number, not name.endswith(ending), role, place + name))
        return [(role, place) for _, _, role, place in sorted(found, key=lambda one: one[:2])]

    def is_alike(self, place: str, path: str) -> bool:
        """Whether the half at `place` is called as the full volume at `path` is, but for the tag."""
        folder, name = split(plain_path(place))
        tagged, _, ending = name.rpartition(".")
        half = half_of(folder, tagged)
        return half is not None and f"{half.stem}.{ending}" == split(plain_path(path))[1]

    def _half(self, path: str, groups: set[str]) -> Half | None:
        """The role of the file at `path` in one of `groups`; None where it is no half of them."""
        plain = plain_path(path)
        if not plain.endswith(VOLUMES):
            return None
        known = recognise(self._producers, path)
        if known and not known[0].is_users_word:
            _, file = known
            return file.role if file.role in ("even", "odd") and file.group in groups else None
        folder, name = split(plain)
        half = half_of(folder, name.rpartition(".")[0])
        if half and (half.folder + half.stem in groups or half.folder + TAIL.sub("", half.stem) in groups):
            return half.role
        return None

    def _folders(self, folder: str, path: str) -> Iterator[str]:
        """`folder`, and those around it that are called so that they hold halves of what is in it."""
        yield folder
        session = self._session.folder(path)
        level = folder
        while True:
            rest = folder[len(level) :]
            first, _, deeper = rest.partition("/")
            for name, other in self._around(level).folders:
                if not other:
                    yield f"{level}{name}/{rest}"
                elif other == first:
                    yield f"{level}{name}/{deeper}"
            if not level or len(level) <= len(session):
                return
            level = parent(level)

    def _around(self, folder: str) -> "_Around":
        """What in `folder` is called after halves."""
        names = self._near.names(folder)
        seen = self._seen.get(folder)
        if seen is None or seen.names is not names:
            if len(self._seen) >= MOST_FOLDERS_REMEMBERED:
                self._seen.clear()
            seen = self._seen[folder] = _Around(
                names,
                [name for name in names if half_of("", stem(name))],
                sorted((name, half[1]) for name in names if (half := half_folder(name))),
            )
        return seen
