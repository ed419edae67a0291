"""Files compressed by gzip or bzip2, recognised by their first bytes, whatever they are called."""

import bz2
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, cast

from livetomo.core.errors import DamagedCompression

Compression = Literal["", "gzip", "bzip2"]
_PIECE_BYTES = 2**20


def read_beginning(file: BinaryIO, count: int, path: Path) -> tuple[bytes, Compression]:
    """The first `count` bytes of what `file`, which stands at its first byte, holds; and how it is compressed.

    Raises:
        DamagedCompression: it ends, or breaks, before.
    """
    block = file.read(count)
    compression = _compression(block)
    if compression:
        with decompressed(file, compression, path) as stream:
            block = stream.read(count)
    return block, compression


@contextmanager
def decompressed(file: BinaryIO, compression: Compression, path: Path) -> Iterator[BinaryIO]:
    """What `file` holds, from its first byte on, as a file that can be read and sought forward; `file` stays open.

    Raises:
        DamagedCompression: it ends, or breaks, where it was read.
    """
    file.seek(0)
    stream = gzip.GzipFile(fileobj=file) if compression == "gzip" else bz2.BZ2File(file)
    try:
        yield cast("BinaryIO", stream)
    except EOFError:
        raise DamagedCompression(path, "it ends too early") from None
    except (zlib.error, gzip.BadGzipFile) as fault:
        raise DamagedCompression(path, str(fault)) from fault
    except OSError as fault:
        if fault.errno is not None:
            raise
        raise DamagedCompression(path, str(fault)) from fault  # bzip2's "Invalid data stream"
    finally:
        stream.close()


def read_to_end(stream: BinaryIO) -> None:
    """Read what is left, so that the checksum at the end is looked at."""
    while stream.read(_PIECE_BYTES):
        continue


def _compression(block: bytes) -> Compression:
    if block.startswith(b"\x1f\x8b"):
        return "gzip"
    return "bzip2" if block.startswith(b"BZh") and block[4:10] == b"1AY&SY" else ""
