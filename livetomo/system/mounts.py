"""Which file system a path lies on, as the kernel's table of mounts says."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
NETWORK_TYPES = {
    *("nfs", "nfs3", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "beegfs_nodev", "ceph", "glusterfs"),
    *("afs", "orangefs", "pvfs2", "panfs", "weka", "wekafs", "quobyte", "9p", "virtiofs", "acfs", "ncpfs", "vboxsf"),
    *("prl_fs", "fuse.glusterfs", "fuse.quobyte", "fuse.ceph", "fuse.sshfs", "fuse.s3fs", "fuse.rclone"),
    "fuse.vmhgfs-fuse",
}
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class FileSystem:
    """One mount. `source` is a device, or a server and its export; `kind` is the kernel's name of its type."""

    kind: str
    source: str
    mounted_at: str

    @property
    def is_network(self) -> bool:
        """Whether other machines write to it, so that the kernel neither reports changes nor locks as SQLite needs."""
        return self.kind in NETWORK_TYPES

    def __str__(self) -> str:
        return f"{self.kind} {self.source}"


UNKNOWN = FileSystem("unknown", "", "")


def file_system(path: Path, mountinfo: Path = MOUNTINFO) -> FileSystem:
    """The mount that `path` lies on, or would lie on once it is made; `UNKNOWN` where the kernel's table says nothing.

    Reads the table only and, to resolve links, the folders above `path`.
    """
    try:
        lines = mountinfo.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return UNKNOWN
    real = os.path.realpath(path)
    found = UNKNOWN
    for mount in map(_parse, lines):
        # A later line of the table covers an earlier one that is mounted at the same place.
        if mount and len(mount.mounted_at) >= len(found.mounted_at) and _lies_in(real, mount.mounted_at):
            found = mount
    return found


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _parse(line: str) -> FileSystem | None:
    """One line: `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`; None where it is cut short."""
    before, separator, after = line.partition(" - ")
    fields, rest = before.split(" "), after.split(" ")
    if not separator or len(fields) < 5 or len(rest) < 2:
        return None
    return FileSystem(rest[0], _unescape(rest[1]), _unescape(fields[4]))


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
