"""Where a file comes from that is new at its path: moved there, or a copy of one that has been dealt with.

A different tomogram must never be taken for either. So blank files, which are all alike, are nobody's copies, and a
digest of samples alone proves nothing: the time, or else the name, must agree too, or every byte.
"""

from collections.abc import Callable
from dataclasses import dataclass

from livetomo.core.tomogram import Content, bounded_time
from livetomo.intake.known import Known
from livetomo.intake.tree import Look, Tree

_HEADER_BYTES = 1024
_FEWEST_VALUES = 5  # a constant of four bytes has at most four
_BOUNDS = (bounded_time(-(2**80)), bounded_time(2**80))


@dataclass(frozen=True, slots=True)
class Origin:
    """`path`: where it was, or what it is a copy of."""

    path: str
    is_copy: bool


class Origins:
    """Those of one watch. alive: called often during long work."""

    def __init__(self, tree: Tree, known: Known, alive: Callable[[], None]) -> None:
        self._tree = tree
        self._known = known
        self._alive = alive

    def moved_from(self, path: str, look: Look) -> str:
        """Where the file at `path` was when it was left alone; empty where it was not, or is there still.

        Recognised without reading it: an archive of thousands may have been renamed.
        """
        is_informative = _is_informative(look.modified_ns)
        for other in self._known.left_alone_like(look.size, look.modified_ns):
            same_file, same_name = self._known.inode(other) == look.inode, _name(other) == _name(path)
            agrees = (same_file or same_name) if is_informative else (same_file and same_name)
            if other != path and agrees and not self._tree.exists(other):
                return other
        return ""

    def of(self, path: str, content: Content) -> Origin | None:
        """The origin of the file at `path`, which is at rest with this content; None where it is new.

        Raises:
            OSError: as the file system says it.
        """
        if self._known.was_taken(path):
            return None
        for other in self._known.with_content(content):
            if other != path and (origin := self._of_taken(path, content, other)):
                return None if self._is_blank(path) else origin
        for other in self._known.left_alone_like(content.size, content.modified_ns):
            if self._is_copy_of_old(path, content, other):
                return None if self._is_blank(path) else Origin(other, is_copy=True)
        return None

    def _of_taken(self, path: str, content: Content, other: str) -> Origin | None:
        known = self._known[other]
        same_time = content.modified_ns == known.modified_ns and _is_informative(content.modified_ns)
        same_name = _name(path) == _name(other)
        there = self._look(other)
        if there is None:
            return Origin(other, is_copy=False) if same_time or same_name else None
        if (there.size, there.modified_ns) != (known.size, known.modified_ns):
            # Something else is there by now; a folder that was put away, and begun anew, and not a backup beside it.
            return Origin(other, is_copy=False) if same_time and same_name else None
        return Origin(other, is_copy=True) if same_time or self._is_identical(path, other) else None

    def _is_copy_of_old(self, path: str, content: Content, other: str) -> bool:
        if other == path or _name(other) != _name(path) or not _is_informative(content.modified_ns):
            return False
        there = self._look(other)
        if there is None or (there.size, there.modified_ns) != (content.size, content.modified_ns):
            return False  # it may be written anew at this moment: nobody reads it before it is at rest
        return self._tree.content(other) == content

    def _look(self, path: str) -> Look | None:
        try:
            return self._tree.look(path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def _is_identical(self, one: str, other: str) -> bool:
        """Whether both files have the same bytes, as they have the same size."""
        for mine, its in zip(self._tree.blocks(one), self._tree.blocks(other), strict=False):
            self._alive()
            if mine != its:
                return False
        return True

    def _is_blank(self, path: str) -> bool:
        """Whether there is nothing in it yet: made at its full size, to be filled later."""
        values: set[int] = set()
        rest = _HEADER_BYTES
        for block in self._tree.blocks(path):
            self._alive()
            values.update(block[rest:])
            rest = 0
            if len(values) >= _FEWEST_VALUES:
                return False
        return True


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _is_informative(modified_ns: int) -> bool:
    """Whether the time was a clock's: servers say 0, or any nonsense, for a time that they do not know."""
    return modified_ns > 0 and modified_ns not in _BOUNDS
