"""Which content a file has, from its size and from sampled blocks: at most 4 MiB are read of any file."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from livetomo.core.errors import SourceChanged
from livetomo.core.tomogram import Content, bounded_time

BLOCK_BYTES = 64 * 1024
MOST_BLOCKS = 64


def digest_file(path: Path) -> Content:
    """The content of `path`: SHA-256 over its size and over the first, the last and evenly spaced blocks between.

    Raises:
        SourceChanged: size or modification time changed meanwhile.
        OSError: as the file system says it.
    """
    with path.open("rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        digest = hashlib.sha256(f"{before.st_size}:".encode())
        for offset in sampled_offsets(before.st_size):
            file.seek(offset)
            digest.update(file.read(BLOCK_BYTES))
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceChanged(path)
    return Content(before.st_size, bounded_time(before.st_mtime_ns), digest.hexdigest())


def sampled_offsets(size: int) -> Iterator[int]:
    """Where the blocks begin: everywhere in a small file, at most `MOST_BLOCKS` places in a large one."""
    if size <= BLOCK_BYTES * MOST_BLOCKS:
        yield from range(0, size, BLOCK_BYTES)
        return
    last = size - BLOCK_BYTES
    for number in range(MOST_BLOCKS):
        yield last * number // (MOST_BLOCKS - 1)
