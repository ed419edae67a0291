"""The manifest of a result folder: written last, it says what the folder holds and how it came to be."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from livetomo.core.errors import DiskFull
from livetomo.system.atomic_write import sync

MANIFEST = "result.json"
SCHEMA = 1


def write_manifest(folder: Path, body: Mapping[str, Any]) -> dict[str, Any]:
    """Complete `body` with the facts of every file in `folder`, write it as `result.json`, make all of it durable."""
    manifest = {"schema": SCHEMA, **body, "files": dict(_facts(folder))}
    path = folder / MANIFEST
    path.write_text(json.dumps(manifest, ensure_ascii=False, allow_nan=False, indent=1) + "\n", encoding="utf-8")
    sync(path)
    for directory in (folder, *(entry for entry in folder.rglob("*") if entry.is_dir())):
        sync(directory)
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a result folder."""
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return manifest


@contextmanager
def room_for(folder: Path) -> Iterator[None]:
    """Turn "no space left" and "quota exceeded" while writing into what a person can act on.

    Raises:
        DiskFull: names the folder.
    """
    try:
        yield
    except OSError as fault:
        if fault.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(folder) from fault
        raise


def _facts(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            yield path.relative_to(folder).as_posix(), {"bytes": path.stat().st_size, "sha256": digest}
