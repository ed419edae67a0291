"""A watcher on a tree of 100,000 files with 2,000 tomograms: the first scan, the steady state, a burst of 30."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from livetomo.config.configuration import Watch
from livetomo.core.tomogram import Arrival, KnownFile
from livetomo.intake.supervisor import Intake
from livetomo.system.json_pipes import JsonChild
from tests.intake.fakes import mrc

FILES, TOMOGRAMS, SESSIONS, BURST = 100_000, 2_000, 50, 30
FIRST_SCAN_SECONDS, CPU_SHARE, MEMORY_MB = 10.0, 0.02, 220
STEADY_SECONDS = 60.0


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("facility")
    frames = (FILES - TOMOGRAMS) // SESSIONS
    for session in range(SESSIONS):
        folder = root / f"session_{session:02}"
        (folder / "frames").mkdir(parents=True)
        for number in range(frames):
            os.close(os.open(folder / "frames" / f"Position_{number // 40}_{number % 40:03}_EER.eer", os.O_CREAT))
        (folder / "tomograms").mkdir()
        for number in range(TOMOGRAMS // SESSIONS):
            content = mrc((4, 6, 8), mode=0, fill=bytes([session, number]))
            (folder / "tomograms" / f"Position_{number}_Vol.mrc").write_bytes(content)
    return root


class Facility:
    """A catalog in memory, and the process that it hears from."""

    def __init__(self, root: Path) -> None:
        self.arrivals: list[Arrival] = []
        self.arrived = asyncio.Event()
        self.baseline_files: list[KnownFile] = []
        self.has_baseline = asyncio.Event()
        self.child: JsonChild | None = None
        watch = Watch(name="krios1", path=root, producers=("aretomo3",), since="now", settle=2.0)
        self.intake = Intake(
            watch,
            known=self._known,
            arrived=self._arrived,
            baseline=self._baseline,
            first_start=True,
            start=self._start,
        )

    async def _known(self) -> list[KnownFile]:
        return []

    async def _arrived(self, arrival: Arrival) -> None:
        self.arrivals.append(arrival)
        if len(self.arrivals) == BURST:
            self.arrived.set()

    async def _baseline(self, files: list[KnownFile]) -> None:
        self.baseline_files = list(files)
        self.has_baseline.set()

    async def _start(self) -> JsonChild:
        self.child = await JsonChild.start([sys.executable, "-m", "livetomo.intake"], log=print)
        return self.child


@asynccontextmanager
async def running(facility: Facility) -> AsyncIterator[None]:
    task = asyncio.create_task(facility.intake.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _measure(root: Path) -> dict[str, float]:
    facility = Facility(root)
    started = time.perf_counter()
    async with running(facility), asyncio.timeout(300):
        await facility.has_baseline.wait()
        first_scan = time.perf_counter() - started
        assert facility.child is not None
        pid = facility.child.pid
        await asyncio.sleep(10)  # the second scan, and the kernel's watches
        before = _cpu_seconds(pid)
        await asyncio.sleep(STEADY_SECONDS)
        cpu = (_cpu_seconds(pid) - before) / STEADY_SECONDS
        landed = time.perf_counter()
        for number in range(BURST):
            folder = root / "session_07" / "tomograms"
            (folder / f"New_{number}_Vol.mrc").write_bytes(mrc((4, 6, 8), mode=0, fill=bytes([200 + number])))
        await facility.arrived.wait()
        burst = time.perf_counter() - landed
        memory = _memory_mb(pid)
        assert facility.intake.report.files >= FILES
    assert len(facility.baseline_files) == TOMOGRAMS + 1
    assert len({arrival.path for arrival in facility.arrivals}) == BURST
    return {"first_scan_seconds": first_scan, "cpu_share": cpu, "burst_seconds": burst, "memory_mb": memory}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


@pytest.mark.timeout(600)
def test_a_hundred_thousand_files(benchmark, tree):
    figures = benchmark.pedantic(lambda: asyncio.run(_measure(tree)), rounds=1)
    benchmark.extra_info.update(figures)
    print(figures)
    assert figures["first_scan_seconds"] < FIRST_SCAN_SECONDS
    assert figures["cpu_share"] < CPU_SHARE
    assert figures["memory_mb"] < MEMORY_MB
