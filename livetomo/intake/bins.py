"""Names that nobody looks for tomograms in: hidden ones, and what file servers keep for themselves."""

import re

# Where a server or desktop puts what was deleted, or as it was before. They are known by their whole name, in any case.
# Hidden ones (.snapshot, .Trash-1000, .recycle) need no mention.
_OF_SERVERS = frozenset(
    (
        *("#recycle", "@recycle"),  # Synology and Samba; QNAP
        *("$recycle.bin", "recycler", "recycled"),  # Windows, on a share or an external disk
        *("network trash folder", "temporary items"),  # Macintosh clients
        "lost+found",  # after a file system check
        *(mark + "snapshot" + plural for mark in "~#@" for plural in ("", "s")),  # NetApp, Synology, GPFS; btrfs
        "@recently-snapshot",  # QNAP
        *("@eadir", "@tmp", "@sharebin", "@sharesnap", "system volume information"),  # the servers' own data
    )
)
_SHADOW_COPY = re.compile(r"@gmt-[\d.-]+")  # Samba's and Windows'


def is_left_out(name: str) -> bool:
    """Whether a file or folder of this name is never looked at, nor anything below it."""
    # Asked of every name in the tree: no regular expression but for those that begin as a shadow copy does.
    if name.startswith("."):
        return True
    lower = name.lower()
    return lower in _OF_SERVERS or (lower.startswith("@") and _SHADOW_COPY.fullmatch(lower) is not None)
