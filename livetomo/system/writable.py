"""Whether the daemon's user can work in a folder: asked before the work; the answer says what to do."""

import getpass
import os
import stat
from collections.abc import Iterator
from pathlib import Path

MOST_SOCKET_PATH_BYTES = 107
STATE_FILES = ("lock", "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm")


def why_not_writable(folder: Path) -> str:
    """Why nothing can be written in `folder`, or why it cannot be made; empty where it can.

    A file system that the server has exported read-only to this machine alone says so only when it is written to.
    """
    try:
        there = next(place for place in (folder, *folder.parents) if place.exists() or place.is_symlink())
        if not there.is_dir():
            return f"{there} is not a folder. Move it away, or choose another folder"
        if os.statvfs(there).f_flag & os.ST_RDONLY:
            return f"{there} lies on a file system that is read-only. Mount it for writing, or choose another folder"
        if not os.access(there, os.W_OK | os.X_OK):
            return f"{there} cannot be written by this user ({_user()}). {_cure(there)}"
    except PermissionError:
        return f"{folder} cannot be reached by this user ({_user()}). Let it pass the folders above it"
    except OSError as fault:
        return f"{folder} cannot be used ({fault.strerror}). Choose another folder"
    return ""


def state_faults(state: Path, socket_name: str) -> Iterator[str]:
    """What keeps a daemon of this user from starting with `state`, a sentence each."""
    if why := why_not_writable(state):
        yield f'"state": {why}'
        return
    if len(os.fsencode(state / socket_name)) > MOST_SOCKET_PATH_BYTES:
        yield (
            f'"state": the path of the socket {state / socket_name} is longer than {MOST_SOCKET_PATH_BYTES} bytes, '
            "which is the most that the system takes. Choose a shorter one"
        )
    for name in STATE_FILES:
        if why := _why_not_usable(state / name):
            yield f'"state": {why}'
    if (state / socket_name).is_dir():
        yield f'"state": {state / socket_name} is a folder. Remove it: the daemon makes a socket there'


def _why_not_usable(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except OSError:
        return ""  # not there, so it is made; a folder that cannot be reached was reported before
    if not stat.S_ISREG(mode):
        return f"{path} is not a file. Move it away: the daemon makes its own"
    if not os.access(path, os.R_OK | os.W_OK):
        return f"{path} cannot be read and written by this user ({_user()}). {_cure(path)}"
    return ""


def _cure(path: Path) -> str:
    try:
        owner = f"It belongs to {path.owner()}: run this as that user, or"
    except (KeyError, OSError):
        owner = "Run this as the daemon's user, or"
    return f"{owner} give it to the daemon's user (chown)"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
