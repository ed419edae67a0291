"""Where the half maps of a full volume lie: whatever around it is recognised as a half of the same group."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from livetomo.config.patterns import SessionPattern
from livetomo.formats.endings import VOLUMES, plain_path, stem
from livetomo.intake.neighbours import Neighbours
from livetomo.intake.producers import Half, Producer, Recognised, recognise
from livetomo.intake.producers.half_names import half_folder, half_of
from livetomo.intake.producers.producer import parent, split
from livetomo.intake.producers.volume_name import TAIL

_FULL = re.compile(r"[._-]full(?=[._-]rec$|$)", re.IGNORECASE)

MOST_FOLDERS_REMEMBERED = 1000


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
