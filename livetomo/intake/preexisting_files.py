"""Which files were there before the watch was first started, and are left alone until they change.

They are those of the first completed scan. Two roots need more thought, because the daemon often starts before its
mounts do: one that is an empty mount point at first (what appears with the mount is old), and one that does not exist
yet (what appears in it is new). The file system that the root lies on distinguishes them, so that it is kept with the
baseline: as the entry for the root itself, whose time is a number made of the mount.
"""

import hashlib
from collections.abc import Iterable, Mapping

from livetomo.core.tomogram import Content, KnownFile
from livetomo.system.mounts import FileSystem

ROOT = "."
ANY_MOUNT = 0
"""In place of a mount's number: the next one that is seen is the right one, as a person has said."""


def mount_number(mount: FileSystem) -> int:
    """The same number for the same mount, on every start."""
    name = f"{mount.kind}\x1f{mount.source}\x1f{mount.mounted_at}"
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()[:6], "big")


class PreexistingFiles:
    """Decides when a scan's files are a baseline. `first_start`: the watch has never completed a scan."""

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
