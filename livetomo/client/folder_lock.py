"""One follower for each folder: a second one would write over what the first has written."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livetomo.core.errors import CollectionBusy, ConfigurationError

LOCK = ".follow.lock"


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold `folder`, which is made if it is not there; the kernel lets go of it however this program ends.

    Raises:
        CollectionBusy: another follower holds it.
        ConfigurationError: it cannot be made or locked.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as fault:
        raise ConfigurationError(f"--output {folder}: cannot be written ({fault.strerror})") from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise CollectionBusy(folder) from None
    except OSError as fault:
        os.close(handle)
        raise ConfigurationError(
            f"--output {folder}: its file system has no locks ({fault.strerror}), so that two followers could write to "
            "it at once. Choose a folder on another one."
        ) from None
    try:
        yield
    finally:
        os.close(handle)
