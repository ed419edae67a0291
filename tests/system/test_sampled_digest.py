"""A file's content is recognised whatever its time says, and is never read whole when it is large."""

import os
from pathlib import Path

import pytest

from livetomo.system.sampled_digest import BLOCK_BYTES, MOST_BLOCKS, digest_file, sampled_offsets


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, BLOCK_BYTES + 1, BLOCK_BYTES * MOST_BLOCKS])
def test_a_small_file_is_read_whole(size):
    covered = sum(min(BLOCK_BYTES, size - offset) for offset in sampled_offsets(size))
    assert covered == size


@pytest.mark.parametrize("size", [BLOCK_BYTES * MOST_BLOCKS + 1, 10**9, 10**12])
def test_of_a_large_file_bounded_blocks_are_read_from_its_first_byte_to_its_last(size):
    offsets = list(sampled_offsets(size))
    assert len(offsets) == MOST_BLOCKS
    assert offsets[0] == 0
    assert offsets[-1] + BLOCK_BYTES == size


def test_a_changed_time_with_the_same_bytes_keeps_the_digest(tmp_path: Path):
    file = tmp_path / "a.mrc"
    file.write_bytes(b"x" * 100_000)
    first = digest_file(file)
    os.utime(file, ns=(1, 1))
    second = digest_file(file)
    assert second.digest == first.digest
    assert second.modified_ns != first.modified_ns


@pytest.mark.parametrize("where", [0, 70_000, 99_999])
def test_a_changed_byte_changes_the_digest(tmp_path: Path, where):
    file = tmp_path / "a.mrc"
    content = bytearray(100_000)
    file.write_bytes(content)
    before = digest_file(file)
    content[where] = 1
    file.write_bytes(content)
    assert digest_file(file).digest != before.digest


def test_an_appended_zero_changes_the_digest(tmp_path: Path):
    file = tmp_path / "a.mrc"
    file.write_bytes(bytes(10))
    before = digest_file(file)
    file.write_bytes(bytes(11))
    assert digest_file(file).digest != before.digest


def test_a_missing_file_is_what_the_file_system_says(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        digest_file(tmp_path / "gone.mrc")
