"""Who reads the log may go away, stop reading, or let the disk fill: the daemon neither waits nor ends, and says so."""

import errno
import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from livetomo.system.log_pipe import LogPipe


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    yield reader, writer
    for number in (reader, writer):
        with suppress(OSError):  # a test may have closed it
            os.close(number)


def say(handler: LogPipe, text: str) -> None:
    handler.handle(logging.LogRecord("livetomo", logging.INFO, "", 0, text, None, None))


def in_time(seconds: float, deed: Callable[[], object]) -> None:
    """Do it in a thread, so that one that waits for ever fails the test instead of holding it up."""
    thread = threading.Thread(target=deed, daemon=True)
    thread.start()
    thread.join(seconds)
    assert not thread.is_alive(), "it waits for the reader of the log"


def read_until(reader: int, last: bytes) -> bytes:
    said = b""
    while not said.endswith(last + b"\n"):
        said += os.read(reader, 65_536)
    return said


def test_a_reader_that_stops_reading_holds_up_nobody_and_gets_all_of_it_later(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    handler = LogPipe(writer)
    lines = [f"line {number} {'x' * (number * 5)}" for number in range(200)]
    in_time(5, lambda: [say(handler, line) for line in lines])
    assert read_until(reader, lines[-1].encode()).decode().splitlines() == lines


def test_what_is_too_much_is_dropped_and_said_when_it_can_be(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    handler = LogPipe(writer, most_lines=50)
    in_time(5, lambda: [say(handler, f"line {number} {'x' * 1000}") for number in range(200)])
    heard: list[bytes] = []
    reading = threading.Thread(target=lambda: heard.append(read_until(reader, b"last")), daemon=True)
    reading.start()
    while handler._waiting:
        handler.flush()
    say(handler, "last")
    reading.join(10)
    said = heard[0].decode().splitlines()
    kept = [line for line in said if line.startswith("line ")]
    (notice,) = (line for line in said if "could not be written" in line)
    assert int(notice.split()[0]) == 200 - len(kept)
    assert kept == [f"line {number} {'x' * 1000}" for number in range(len(kept))]


def test_a_reader_that_is_gone_costs_lines_only(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    handler = LogPipe(writer)
    os.close(reader)
    began = time.process_time()
    in_time(5, lambda: [say(handler, "into the void") for _ in range(1000)])
    handler.flush()
    assert time.process_time() - began < 2
    assert handler._later is None


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, errno.EPIPE, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_disk_that_is_full_for_a_while_costs_lines_and_says_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int
) -> None:
    path = tmp_path / "log"
    full = False
    write = os.write

    def write_or_fail(descriptor: int, data: bytes) -> int:
        if full:
            raise OSError(fault, os.strerror(fault))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", write_or_fail)
    with path.open("wb") as file:
        handler = LogPipe(file.fileno())
        say(handler, "before")
        full = True
        for _ in range(3):
            say(handler, "meanwhile")
        full = False
        say(handler, "after")
    assert path.read_text().splitlines() == ["before", "3 lines of the log could not be written", "after"]


PROGRAM = """
import logging, os
from livetomo.system.logs import set_up_logging
set_up_logging()
for number in range(20):
    logging.getLogger("x").info("line %d" % number + "x" * 1000)
print(sorted(os.listdir("/proc/self/fd"))[:3], flush=True)
"""


@pytest.mark.parametrize("how", ["closed", "not read", "gone"])
def test_a_program_ends_well_whatever_becomes_of_its_log(how: str) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    if how == "gone":
        os.close(reader)
    close = "exec 2>&-; exec " if how == "closed" else "exec "
    done = subprocess.run(
        ["sh", "-c", f'{close}"$0" -c "$1"', sys.executable, PROGRAM], stdout=subprocess.PIPE, stderr=writer, timeout=20
    )
    assert (done.returncode, done.stdout) == (0, b"['0', '1', '2']\n")


def test_the_last_lines_are_written_before_the_program_ends() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, timeout=20, check=True)
    assert [json.loads(line)["level"] for line in done.stderr.splitlines()] == ["info"] * 20
