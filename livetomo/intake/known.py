"""The files of a watch that have been dealt with: by path, and by what is in them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from livetomo.core.tomogram import Content, KnownFile

K = TypeVar("K")
_Stamp = tuple[int, int]


class Known(Mapping[str, Content]):
    """By path the content that was dealt with; one without a digest was left alone, unread."""

    def __init__(self, files: Iterable[KnownFile] = ()) -> None:
        self._contents: dict[str, Content] = {}
        self._inodes: dict[str, int] = {}
        self._copies: dict[str, str] = {}
        self._by_digest: dict[tuple[int, str], dict[str, None]] = {}
        self._by_stamp: dict[_Stamp, dict[str, None]] = {}
        for file in files:
            self.add(file)

    def __getitem__(self, path: str) -> Content:
        return self._contents[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._contents)

    def __len__(self) -> int:
        return len(self._contents)

    def add(self, file: KnownFile) -> None:
        """It has been dealt with as it is now."""
        self.forget(file.path)
        content = file.content
        self._contents[file.path] = content
        if content.digest:
            self._by_digest.setdefault((content.size, content.digest), {})[file.path] = None
            return
        self._by_stamp.setdefault((content.size, content.modified_ns), {})[file.path] = None
        if file.inode:
            self._inodes[file.path] = file.inode
        if file.copy_of:
            self._copies[file.path] = file.copy_of

    def forget(self, path: str) -> None:
        """It is as if it had never been seen."""
        content = self._contents.pop(path, None)
        if content is None:
            return
        self._inodes.pop(path, None)
        self._copies.pop(path, None)
        _take_out(self._by_digest, (content.size, content.digest), path)
        _take_out(self._by_stamp, (content.size, content.modified_ns), path)

    def was_taken(self, path: str) -> bool:
        """Whether it has become a tomogram, or was found to be bad."""
        return path in self._contents and self._contents[path].digest != ""

    def with_content(self, content: Content) -> list[str]:
        """The files that were taken with this content."""
        return list(self._by_digest.get((content.size, content.digest), ()))

    def left_alone_like(self, size: int, modified_ns: int) -> list[str]:
        """The files of this size and time that were left alone."""
        return list(self._by_stamp.get((size, modified_ns), ()))

    def inode(self, path: str) -> int:
        """Of a file that was left alone; 0 where it is not known."""
        return self._inodes.get(path, 0)

    def original(self, path: str) -> str:
        """Of which tomogram's file the one at `path` is a copy; empty where it is none."""
        return self._copies.get(path, "")


def _take_out(index: dict[K, dict[str, None]], key: K, path: str) -> None:
    paths = index.get(key)
    if paths is not None:
        paths.pop(path, None)
        if not paths:
            del index[key]
