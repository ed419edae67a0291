"""The manifest of a result folder: written last, it says what the folder holds and how it came to be."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from livetomo.core.errors import BadManifest, DiskFull
from livetomo.core.manifest import FileFacts, ResultManifest
from livetomo.system.atomic_write import sync

MANIFEST = "result.json"


def write_manifest(folder: Path, manifest: ResultManifest) -> ResultManifest:
    """Complete `manifest` with the facts of every file in `folder`, write it there, and make all of it durable."""
    manifest = replace(manifest, files=dict(_facts(folder)))
    path = folder / MANIFEST
    text = json.dumps(manifest.to_json(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"
    path.write_text(text, encoding="utf-8")
    sync(path)
    for directory in (folder, *(entry for entry in folder.rglob("*") if entry.is_dir())):
        sync(directory)
    return manifest


def read_manifest(folder: Path) -> ResultManifest:
    """The manifest of a result folder.

    Raises:
        OSError: it is not there, or cannot be read.
        BadManifest: it is damaged.
    """
    content = (folder / MANIFEST).read_bytes()
    try:
        body = json.loads(content, parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:
        raise BadManifest(str(fault)) from None
    return ResultManifest.from_json(body)


def _refuse(constant: str) -> NoReturn:
    """NaN and infinities are no JSON: Python reads them, SQLite and browsers do not."""
    raise ValueError(f"it holds {constant}")


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


def _facts(folder: Path) -> Iterator[tuple[str, FileFacts]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                os.fsync(file.fileno())
            yield path.relative_to(folder).as_posix(), FileFacts(path.stat().st_size, digest)
