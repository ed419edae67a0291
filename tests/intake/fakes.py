"""A file system and a clock that do what a test says."""

import errno
import hashlib
import io
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from livetomo.core.tomogram import Arrival, Content, KnownFile, bounded_time
from livetomo.formats.mrc_header import MrcHeader, parse_header
from livetomo.intake.settings import WatchSettings
from livetomo.intake.tree import Look
from livetomo.intake.watcher import Watcher
from livetomo.system.mounts import FileSystem

LOCAL = FileSystem("ext4", "/dev/sda1", "/")
NFS = FileSystem("nfs4", "server:/data", "/data")


def mrc(
    shape: tuple[int, int, int] = (4, 6, 8),
    *,
    mode: int = 2,
    fill: bytes = b"\0",
    byte_order: str = "<",
    voxel: float = 10.0,
    space_group: int = 0,
    mz: int | None = None,
    extended: bytes = b"",
) -> bytes:
    """A whole MRC file. extended: the extended header, of SerialEM's kind."""
    depth, height, width = shape
    sampled = depth if mz is None else mz
    header = bytearray(1024)
    struct.pack_into(f"{byte_order}10i", header, 0, width, height, depth, mode, 0, 0, 0, width, height, sampled)
    struct.pack_into(f"{byte_order}6f", header, 40, *(n * voxel for n in (width, height, sampled)), 90, 90, 90)
    struct.pack_into(f"{byte_order}2i", header, 88, space_group, len(extended))
    header[104:108] = b"SERI" if extended else bytes(4)
    struct.pack_into(f"{byte_order}3i", header, 64, 1, 2, 3)
    header[208:216] = b"MAP \x44\x44\0\0" if byte_order == "<" else b"MAP \x11\x11\0\0"
    size = {0: 1, 1: 2, 2: 4, 6: 2, 12: 2}[mode] * depth * height * width
    return bytes(header) + extended + (fill * (size // len(fill) + 1))[:size]


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += seconds


@dataclass
class FakeFile:
    data: bytes
    modified_ns: int
    inode: int
    readable: bool = True
    device: int = 1


@dataclass
class FakeEntry:
    name: str
    file: FakeFile | None
    kind: str = "file"
    link: bool = False

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self.kind == "folder"

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self.kind == "file"

    def is_symlink(self) -> bool:
        return self.link

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        assert self.file is not None
        return SimpleNamespace(
            st_size=len(self.file.data),
            st_mtime_ns=self.file.modified_ns,
            st_mtime=self.file.modified_ns / 1e9,
            st_dev=self.file.device,
            st_ino=self.file.inode,
            st_nlink=1,
        )


@dataclass
class FakeTree:
    """Files by their path. Every change gives a new modification time, as on a real file system.

    voxels_read: (path, for how long it had not changed, its data) of each file whose content was read.
    """

    files: dict[str, FakeFile] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    mounted_on: FileSystem = LOCAL
    root_exists: bool = True
    ticks: int = 10**18
    inodes: int = 0
    clock: Clock | None = None
    changed_at: dict[str, float] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    voxels_read: list[tuple[str, float, bytes]] = field(default_factory=list)
    unlistable: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    def write(self, path: str, data: bytes, *, modified_ns: int | None = None) -> None:
        self.ticks += 1_000_000
        old = self.files.get(path)
        inode = old.inode if old else self._new_inode()
        self.files[path] = FakeFile(data, self.ticks if modified_ns is None else modified_ns, inode)
        self.changed_at[path] = self.clock() if self.clock else 0.0
        self.touched.add(path)

    def append(self, path: str, data: bytes) -> None:
        self.write(path, self.files[path].data + data)

    def rename(self, old: str, new: str) -> None:
        if old == new:
            return
        self.files[new] = self.files.pop(old)
        self.changed_at[new] = self.clock() if self.clock else 0.0
        self.touched |= {old, new}

    def link(self, old: str, new: str) -> None:
        self.files[new] = self.files[old]

    def delete(self, path: str) -> None:
        del self.files[path]

    def _new_inode(self) -> int:
        self.inodes += 1
        return self.inodes

    # As `Tree`.

    def list(self, folder: str) -> list[Any]:
        if not self.root_exists:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        if folder in self.unlistable:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if folder in self.broken:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        prefix = f"{folder}/" if folder else ""
        entries: dict[str, FakeEntry] = {}
        for path, file in self.files.items():
            if path.startswith(prefix):
                name, slash, _ = path[len(prefix) :].partition("/")
                kind = "folder" if slash else self.kinds.get(path, "file")
                entries[name] = FakeEntry(name, None if slash else file, kind)
        if folder and not entries:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return list(entries.values())

    def look(self, path: str) -> Look:
        return Look.of(FakeEntry(path, self._file(path)).stat())

    def header(self, path: str) -> MrcHeader:
        return parse_header(io.BytesIO(self._file(path).data), Path(path))

    def content(self, path: str) -> Content:
        file = self._file(path)
        rest = self.clock() - self.changed_at[path] if self.clock else 0.0
        self.voxels_read.append((path, rest, file.data))
        return Content(len(file.data), bounded_time(file.modified_ns), hashlib.sha256(file.data).hexdigest())

    def blocks(self, path: str) -> Iterator[bytes]:
        yield self._file(path).data

    def text(self, path: str, most_bytes: int = 4 * 2**20) -> str:
        return self._file(path).data[:most_bytes].decode(errors="replace")

    def exists(self, path: str) -> bool:
        return self.root_exists and any(one == path or one.startswith(f"{path}/") for one in self.files)

    def real_path(self, path: str) -> str:
        return f"/data/{path}"

    def mount(self) -> FileSystem:
        return self.mounted_on

    def _file(self, path: str) -> FakeFile:
        if path not in self.files or not self.root_exists:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        if not self.files[path].readable:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return self.files[path]


class Facility:
    """A watcher with a catalog that is a dictionary. `taken` are its arrivals, in order, each content once."""

    def __init__(self, tree: FakeTree, clock: Clock, **settings: Any) -> None:
        self.tree = tree
        self.clock = clock
        self.settings = WatchSettings(**{"name": "krios1", "root": "/data", "since": "all", "settle": 20.0} | settings)
        self.catalog: dict[str, Content] = {}
        self.first_start = True
        self.taken: list[Arrival] = []
        self.acknowledged: list[Arrival] = []
        self.offered: list[Arrival] = []
        self.refuse = False
        self.left_alone: list[str] = []
        self.watcher = self.start()

    def start(self) -> Watcher:
        """A new process: it knows what the catalog knows."""
        self.offered = []
        self.baselines: list[list[KnownFile]] = []
        return Watcher(
            self.settings,
            self.tree,
            clock=self.clock,
            offer=self.offered.append,
            report_baseline=self.baselines.append,
            report_left_alone=lambda files: self.left_alone.extend(file.path for file in files),
            first_start=self.first_start,
            known=[KnownFile(path, content) for path, content in self.catalog.items()],
        )

    def restart(self) -> None:
        self.watcher = self.start()

    def answer(self) -> None:
        """The catalog takes what was offered."""
        for baseline in self.baselines:
            self.catalog |= {file.path: file.content for file in baseline}
            self.first_start = False
            self.watcher.baseline_is_taken()
        self.baselines.clear()
        offered, self.offered[:] = list(self.offered), []
        for arrival in offered:
            if self.refuse:
                self.watcher.try_again(arrival.path)
                continue
            self.acknowledged.append(arrival)
            before = self.catalog.get(arrival.path)
            self.catalog[arrival.path] = arrival.content
            if before is None or before.digest != arrival.content.digest:
                self.taken.append(arrival)
            self.watcher.acknowledge(arrival.path)

    def run(self, seconds: float, *, step: float = 5.0) -> None:
        """Let time pass, with everything that a watcher does in it."""
        end = self.clock() + seconds
        while True:
            self.watcher.scan()
            self.answer()
            self.watcher.look_around()
            self.answer()
            self.watcher.look()
            self.answer()
            if self.clock() >= end:
                return
            self.clock.advance(step)

    def names(self) -> list[str]:
        return [str(arrival.tomogram) for arrival in self.taken]

    def reasons(self) -> dict[str, str]:
        return {pending.path: pending.reason for pending in self.watcher.report().pending}
