"""100,000 damaged headers: each is read or refused with a reason, and nothing is allocated beyond the file's size."""

import math
import os
import random
import struct
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from livetomo.core.errors import PermanentError
from livetomo.formats.mrc import read_volume
from livetomo.formats.mrc_header import MODE_BYTES
from tests.intake.fakes import mrc

HEADERS = 100_000
# Where a header's integers and reals lie: damage there says more than damage in its labels.
INTEGERS = [*range(0, 40, 4), *range(64, 76, 4), 88, 92, 152, 156, 208, 212]
REALS = [*range(40, 64, 4), *range(196, 208, 4)]
EXTREMES = [0, 1, -1, 2, 3, 7, 127, 128, 255, 256, 1024, 65535, 10**6, 10**9, 2**31 - 1, -(2**31), 0x4D415020]


def damaged(whole: bytes, chance: random.Random) -> bytes:
    """One of `whole`'s relatives."""
    content = bytearray(whole)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        match chance.randrange(6):
            case 0 | 1:
                struct.pack_into(chance.choice("<>") + "i", content, chance.choice(INTEGERS), chance.choice(EXTREMES))
            case 2:
                value = chance.choice((0.0, -1.0, math.nan, math.inf, 1e38, 1e-38))
                struct.pack_into("<f", content, chance.choice(REALS), value)
            case 3:
                content[chance.randrange(1024)] = chance.randrange(256)
            case 4:
                struct.pack_into("<i", content, chance.choice(INTEGERS), chance.randrange(-(2**31), 2**31))
            case 5:
                start = chance.randrange(1024)
                content[start : start + 32] = chance.randbytes(min(32, 1024 - start))
    if chance.random() < 0.1:
        del content[chance.randrange(len(content)) :]
    return bytes(content)


@pytest.fixture(scope="module")
def bases() -> list[bytes]:
    shapes = [(4, 6, 8), (16, 16, 16), (3, 5, 7)]
    return [mrc(shape, mode=mode, byte_order=order) for shape in shapes for mode in MODE_BYTES for order in "<>"]


@pytest.fixture
def descriptor() -> Iterator[int]:
    """A file in memory: a hundred thousand on a disk take minutes."""
    opened = os.memfd_create("damaged")
    yield opened
    os.close(opened)


@pytest.mark.slow
def test_every_damaged_header_is_read_or_refused_with_a_reason(bases, descriptor):
    chance = random.Random(20261120)
    path = Path(f"/proc/self/fd/{descriptor}")
    outcomes: Counter[str] = Counter()
    most = 0
    _write(descriptor, bases[0])
    read_volume(path)
    tracemalloc.start()
    for _ in range(HEADERS):
        content = damaged(chance.choice(bases), chance)
        _write(descriptor, content)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        outcomes[_outcome(path, len(content))] += 1
        most = max(most, tracemalloc.get_traced_memory()[1] - before - len(content))
    tracemalloc.stop()
    assert most < 64 * 1024, "more was allocated than the file has bytes"
    assert sum(outcomes.values()) == HEADERS
    assert outcomes["read"] > HEADERS / 20
    assert {"not an MRC file", "absurd header", "unsupported mode", "truncated volume"} < set(outcomes)


def _write(descriptor: int, content: bytes) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, content, 0)


def _outcome(path: Path, size: int) -> str:
    """What became of it; anything but a volume or a permanent fault of one sentence or two is raised."""
    refused: PermanentError | None = None
    try:
        volume = read_volume(path)
    except PermanentError as error:
        refused = error
    if refused is not None:
        assert len(str(refused)) > 20
        assert path.name in str(refused)
        return refused.reason
    assert volume.voxels.nbytes <= size
    assert volume.voxels.shape == volume.header.shape_zyx
    assert all(math.isfinite(value) and value >= 0 for value in volume.header.voxel_size_xyz)
    assert all(math.isfinite(value) for value in volume.header.origin_xyz)
    return "read"
