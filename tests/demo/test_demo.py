"""The demo shows the whole loop, and leaves nothing behind."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("amqtt", reason="the demo's broker is not installed: pip install 'livetomo[demo]'")

DEMO = [sys.executable, "-m", "livetomo", "demo", "--port", "0"]


def processes_below(folder: Path) -> list[str]:
    """The command lines that name the demo's folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


@pytest.mark.slow
def test_once_everything_is_published_the_demo_ends_well_and_reports_it():
    ended = subprocess.run([*DEMO, "--once", "--json", "--tomograms", "2"], capture_output=True, text=True, timeout=200)
    assert ended.returncode == 0, ended.stderr
    summary = json.loads(ended.stdout)
    assert [row["tomogram"] for row in summary["tomograms"]] == ["TS_01", "TS_02"]
    assert all(row["state"] == "published" and row["seconds"] < 60 for row in summary["tomograms"])
    assert summary["mean_recall"] >= 0.75
    assert summary["mean_precision"] >= 0.95, "by the network that comes with livetomo, as a new user gets it"
    assert summary["faults"] == []
    assert "http://127.0.0.1:" in ended.stderr
    folder = next(line.split()[1] for line in ended.stderr.splitlines() if line.startswith("folder"))
    assert not Path(folder).exists()
    assert processes_below(Path(folder)) == []


async def started(once: bool = True) -> tuple[asyncio.subprocess.Process, Path]:
    """A demo whose daemon and microscope are at work, and its folder."""
    process = await asyncio.create_subprocess_exec(
        *DEMO, *(["--once"] if once else []), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    folder = Path()
    assert process.stdout is not None
    async for line in process.stdout:
        if line.startswith(b"folder"):
            folder = Path(line.decode().split()[1])
        if b"landed" in line:
            return process, folder
    raise AssertionError("the demo ended before anything landed")


async def everything_is_gone(folder: Path) -> bool:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        if not processes_below(folder):
            return True
        await asyncio.sleep(0.2)
    return False


@pytest.mark.slow
async def test_stopped_in_the_middle_it_says_what_is_missing_and_leaves_nothing():
    process, folder = await started()
    process.send_signal(signal.SIGINT)
    said, _ = await process.communicate()
    assert process.returncode == 6
    assert b"of 6 tomograms were exposed" in said
    assert not folder.exists()
    assert await everything_is_gone(folder)


@pytest.mark.slow
async def test_killed_it_takes_its_children_with_it():
    process, folder = await started()
    assert processes_below(folder)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert await everything_is_gone(folder)


def test_a_port_in_use_is_said_at_once():
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "livetomo", "demo", "--once", "--port", str(port)], capture_output=True, text=True
        )
    assert ended.returncode == 2
    assert f"port {port} is in use" in ended.stderr
