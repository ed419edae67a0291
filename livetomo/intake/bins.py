"""Names that nobody looks for tomograms in: hidden ones, and what file servers keep for themselves."""

import re

# Where a server or desktop puts what was deleted, or as it was before. They are told by their whole name, in any case.
_OF_SERVERS = (
    r"[#@]recycle",  # Synology and Samba; QNAP
    r"\$recycle\.bin|recycler|recycled",  # Windows, on a share or an external disk
    r"network trash folder|temporary items",  # Macintosh clients
    r"\.trash(?:es|-\d+)?|\.recycle",  # Linux and Macintosh desktops; Samba
    r"lost\+found",  # after a file system check
    r"[~#.]snapshots?|@recently-snapshot|@snapshots?",  # NetApp, Synology, GPFS; QNAP; btrfs
    r"@gmt-[\d.-]+",  # Samba's and Windows' shadow copies
    r"@eadir|@tmp|@sharebin|@sharesnap|system volume information",  # the servers' own data
)
_BIN = re.compile("|".join(_OF_SERVERS), re.IGNORECASE)


def is_left_out(name: str) -> bool:
    """Whether a file or folder of this name is never looked at, nor anything below it."""
    return name.startswith(".") or _BIN.fullmatch(name) is not None
