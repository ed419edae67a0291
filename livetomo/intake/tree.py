"""The watched tree, as the watcher sees it: read only, and replaceable by a fake in tests; the names around a path."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from livetomo.core.tomogram import Content, bounded_time, signed
from livetomo.formats.mrc_header import MrcHeader, read_header
from livetomo.system.mounts import FileSystem, file_system
from livetomo.system.sampled_digest import digest_file

_BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Look:
    """What a file was when it was looked at; two equal looks are a file at rest.

    Whatever the file system says, each number fits 64 bits: it is kept, and sent.
    """

    size: int
    modified_ns: int
    device: int
    inode: int

    @staticmethod
    def of(stat: Any) -> "Look":
        """What `os.stat`, or an entry of a folder, says of a file."""
        return Look(stat.st_size, bounded_time(stat.st_mtime_ns), signed(stat.st_dev), signed(stat.st_ino))


class Entry(Protocol):
    """One name in a folder; `os.DirEntry` is one."""

    @property
    def name(self) -> str:
        """Without its folder."""

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a folder."""

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        """Whether it is a regular file."""

    def is_symlink(self) -> bool:
        """Whether it is a symbolic link."""

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        """As `os.stat`: st_size, st_mtime_ns, st_dev, st_ino, st_nlink."""


class NotAFile(OSError):
    """Something else than a regular file: a FIFO would block the process that opens it."""


class Tree:
    """A tree of files below a root. Paths are relative to the root, with `/`; the root itself is "".

    Everything raises OSError as the file system says it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def list(self, folder: str) -> list[Entry]:
        """The names in `folder`, in no order."""
        with os.scandir(self.root / folder) as entries:
            return list(entries)

    def look(self, path: str) -> Look:
        """The file as it is now, not as a cache has it: NFS promises fresh attributes to who opens the file."""
        with self._opened(path) as descriptor:
            found = os.fstat(descriptor)
        return Look.of(found)

    def header(self, path: str) -> MrcHeader:
        """The file's MRC header, or what `read_header` raises."""
        return read_header(self.root / path)

    def content(self, path: str) -> Content:
        """The file's digest, or what `digest_file` raises. Reads voxels."""
        return digest_file(self.root / path)

    def blocks(self, path: str) -> Iterator[bytes]:
        """All of the file's bytes, in order."""
        with self._opened(path) as descriptor, open(descriptor, "rb", buffering=0, closefd=False) as file:
            while block := file.read(_BLOCK_BYTES):
                yield block

    def text(self, path: str, most_bytes: int = 4 * 2**20) -> str:
        """The beginning of a text file, whatever its encoding."""
        with self._opened(path) as descriptor, open(descriptor, "rb", closefd=False) as file:
            return file.read(most_bytes).decode("utf-8", errors="replace")

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at `path`."""
        return (self.root / path).exists()

    def real_path(self, path: str) -> str:
        """Absolute, links resolved."""
        return os.path.realpath(self.root / path)

    def mount(self) -> FileSystem:
        """The file system that the root lies on, or would lie on where it does not exist."""
        return file_system(self.root)

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        whole = self.root / path
        descriptor = os.open(whole, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise NotAFile(f"{whole.name} is not a regular file")
            yield descriptor
        finally:
            os.close(descriptor)


class Neighbours:
    """What lies in the folders of `tree`: each is listed once a round, however many files ask what lies beside them.

    A folder is written with a trailing "/", the root as "". `clear` begins a new round: what comes later is seen then.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._names: dict[str, frozenset[str]] = {}

    def names(self, folder: str) -> frozenset[str]:
        """The names in `folder`; none where it is not there, or cannot be listed."""
        names = self._names.get(folder)
        if names is None:
            try:
                names = frozenset(entry.name for entry in self._tree.list(folder.rstrip("/")))
            except OSError:
                names = frozenset()
            self._names[folder] = names
        return names

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder at `path`."""
        folder, slash, name = path.rpartition("/")
        return name in self.names(folder + slash)

    def clear(self) -> None:
        """Forget what was seen."""
        self._names.clear()
