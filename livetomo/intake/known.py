"""The files of a watch that have been dealt with, by path and content; those of the first scan are left alone."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from livetomo.core.tomogram import Content, KnownFile
from livetomo.system.mounts import FileSystem

K = TypeVar("K")
_Stamp = tuple[int, int]
ROOT = "."
ANY_MOUNT = 0
"""In place of a mount's number: the next one that is seen is the right one, as a person has said."""


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


def mount_number(mount: FileSystem) -> int:
    """The same number for the same mount, on every start."""
    name = f"{mount.kind}\x1f{mount.source}\x1f{mount.mounted_at}"
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:6], "big")


class PreexistingFiles:
    """Which files were there before the watch was first started, and are left alone until they change.

    They are those of the first completed scan. Two roots need more thought, because the daemon often starts before its
    mounts do: one that is an empty mount point at first (what appears with the mount is old), and one that does not
    exist yet (what appears in it is new). The file system that the root lies on distinguishes them, so that it is kept
    with the baseline: as the entry for the root itself, whose time is a number made of the mount.

    first_start: the watch has never completed a scan.
    """

    def __init__(self, *, leaves_alone: bool, first_start: bool) -> None:
        self._leaves_alone = leaves_alone
        self._first_start = first_start
        self._absent_on: int | None = None

    def root_is_absent(self, mount: FileSystem) -> None:
        """The root does not exist; `mount` is what it would lie on."""
        if self._first_start:
            self._absent_on = mount_number(mount)

    def is_due(self, mount: FileSystem, known: Mapping[str, Content]) -> bool:
        """Whether the next completed scan makes a baseline, given all that has been dealt with so far."""
        if self._first_start:
            return True
        root = known.get(ROOT)
        nothing_yet = root is not None and len(known) == 1
        return self._leaves_alone and nothing_yet and root is not None and root.modified_ns != mount_number(mount)

    def leaves_alone(self, mount: FileSystem) -> bool:
        """Whether the files of that scan are old: not so in a folder that is younger than the daemon."""
        return self._leaves_alone and self._absent_on != mount_number(mount)

    def made_of(self, found: Iterable[KnownFile], mount: FileSystem) -> list[KnownFile]:
        """The baseline, when the scan has found `found`."""
        return [KnownFile(ROOT, Content(0, mount_number(mount), "")), *found]

    def is_made(self) -> None:
        """The catalog has it."""
        self._first_start = False
        self._absent_on = None
