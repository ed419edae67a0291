"""The real process on a real folder, and a pretended one that dies and hangs."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from livetomo.config.configuration import Watch
from livetomo.core.tomogram import Arrival, Content, KnownFile, TomogramId
from livetomo.intake.messages import Report, arrival_to_json
from livetomo.intake.supervisor import Intake
from livetomo.system.json_pipes import JsonChild
from tests.intake.fakes import Clock, mrc

HANG = 71.0


class Catalog:
    """What the daemon gives to `Intake`."""

    def __init__(self) -> None:
        self.known_files: dict[str, KnownFile] = {}
        self.arrivals: list[Arrival] = []
        self.first_start = True
        self.changed = asyncio.Event()
        self.refusals = 0

    async def known(self) -> Sequence[KnownFile]:
        return list(self.known_files.values())

    async def arrived(self, arrival: Arrival) -> None:
        if self.refusals:
            self.refusals -= 1
            raise RuntimeError("the disk is full")
        self.known_files[arrival.path] = KnownFile(arrival.path, arrival.content)
        self.arrivals.append(arrival)
        self._report()

    async def baseline(self, files: Sequence[KnownFile]) -> None:
        self.known_files |= {file.path: file for file in files}
        self.first_start = False
        self._report()

    def _report(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await self.changed.wait()


def watch(path: Path, **settings: Any) -> Watch:
    return Watch(**{"name": "krios1", "path": path, "since": "all", "settle": 0.3, "rescan": 0.2} | settings)


def intake_of(catalog: Catalog, watched: Watch, **how: Any) -> Intake:
    return Intake(
        watched,
        known=catalog.known,
        arrived=catalog.arrived,
        baseline=catalog.baseline,
        first_start=catalog.first_start,
        **how,
    )


@asynccontextmanager
async def running(intake: Intake) -> AsyncIterator[None]:
    task = asyncio.create_task(intake.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def start_and_remember(started: list[JsonChild]) -> JsonChild:
    child = await JsonChild.start([sys.executable, "-m", "livetomo.intake"], log=print)
    started.append(child)
    return child


@pytest.mark.parametrize("mode", ["events", "poll"])
async def test_a_slow_copy_is_taken_once_and_only_when_it_is_whole(tmp_path, mode):
    catalog = Catalog()
    intake = intake_of(catalog, watch(tmp_path, mode=mode))
    whole = mrc((32, 64, 64))
    async with running(intake):
        await catalog.until(lambda: not catalog.first_start)
        folder = tmp_path / "yeast"
        folder.mkdir()
        with (folder / "TS_01.mrc").open("wb") as file:
            for start in range(0, len(whole), len(whole) // 8):
                file.write(whole[start : start + len(whole) // 8])
                file.flush()
                await asyncio.sleep(0.15)
        (folder / "TS_02.mrc").write_bytes(whole)
        await catalog.until(lambda: len(catalog.arrivals) == 2)
    assert sorted(str(arrival.tomogram) for arrival in catalog.arrivals) == ["krios1/yeast/TS_01", "krios1/yeast/TS_02"]
    assert {arrival.content.size for arrival in catalog.arrivals} == {len(whole)}
    assert all(arrival.fault is None for arrival in catalog.arrivals)


async def test_a_renamed_folder_and_a_copy_are_reported_for_what_they_are(tmp_path, caplog):
    catalog = Catalog()
    caplog.set_level("INFO")
    async with running(intake_of(catalog, watch(tmp_path))):
        await catalog.until(lambda: not catalog.first_start)
        (tmp_path / "tmp").mkdir()
        (tmp_path / "tmp" / "TS_01.mrc").write_bytes(mrc(fill=b"0123456789"))
        await catalog.until(lambda: len(catalog.arrivals) == 1)
        (tmp_path / "tmp").rename(tmp_path / "yeast")
        await catalog.until(lambda: len(catalog.arrivals) == 2)
        (tmp_path / "2026").mkdir()
        shutil.copyfile(tmp_path / "yeast" / "TS_01.mrc", tmp_path / "2026" / "A.mrc")
        await catalog.until(lambda: "2026/A.mrc" in catalog.known_files)
    assert [(arrival.path, arrival.moved_from) for arrival in catalog.arrivals] == [
        ("tmp/TS_01.mrc", ""),
        ("yeast/TS_01.mrc", "tmp/TS_01.mrc"),
    ]
    assert catalog.known_files["2026/A.mrc"].copy_of == "yeast/TS_01.mrc"
    assert "watch krios1: 2026/A.mrc is a copy of yeast/TS_01.mrc, and is not processed again" in caplog.text


async def test_a_killed_process_is_started_again_and_takes_nothing_twice(tmp_path):
    catalog = Catalog()
    started: list[JsonChild] = []
    intake = intake_of(catalog, watch(tmp_path), start=lambda: start_and_remember(started))
    async with running(intake):
        (tmp_path / "yeast").mkdir()
        (tmp_path / "yeast" / "TS_01.mrc").write_bytes(mrc())
        await catalog.until(lambda: len(catalog.arrivals) == 1)
        os.kill(started[0].pid, signal.SIGKILL)
        (tmp_path / "yeast" / "TS_02.mrc").write_bytes(mrc())
        await catalog.until(lambda: len(catalog.arrivals) == 2)
        assert len(started) == 2
        assert intake.status().name == "krios1"
    assert [arrival.tomogram.name for arrival in catalog.arrivals] == ["TS_01", "TS_02"]


async def test_a_process_that_hangs_is_killed_and_replaced(tmp_path):
    """A stopped process is as silent as one that waits for a file system, and is killed alike."""
    catalog, clock = Catalog(), Clock()
    started: list[JsonChild] = []

    async def short_sleep(_: float) -> None:
        await asyncio.sleep(0.01)

    how = {"start": lambda: start_and_remember(started), "clock": clock, "sleep": short_sleep}
    intake = intake_of(catalog, watch(tmp_path, answer_time_limit=HANG), **how)
    async with running(intake):
        await catalog.until(lambda: not catalog.first_start)
        os.kill(started[0].pid, signal.SIGSTOP)
        (tmp_path / "yeast").mkdir()
        (tmp_path / "yeast" / "TS_01.mrc").write_bytes(mrc())
        clock.advance(HANG)
        await catalog.until(lambda: len(catalog.arrivals) == 1)
    assert started[0].returncode == -signal.SIGKILL
    assert len(started) == 2


async def test_the_process_ends_when_its_supervisor_is_gone():
    child = await JsonChild.start([sys.executable, "-m", "livetomo.intake"], log=print)
    child._process.stdin.close()
    async with asyncio.timeout(20):
        assert await child.wait() == 0


async def test_the_watchers_process_stays_small_and_imports_nothing_heavy():
    code = (
        "import sys, livetomo.intake.watcher_process, livetomo.intake.inotify\n"
        "print(sorted(set(sys.modules) & {'torch', 'numpy', 'pandas', 'pydantic', 'mrcfile', 'sqlite3'}))"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"


async def until(condition: Callable[[], bool]) -> None:
    """Let the others go on until it is so."""
    for _ in range(5000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


class PretendProcess:
    """Says what a test puts in, remembers what it gets."""

    def __init__(self) -> None:
        self.received: list[Mapping[str, Any]] = []
        self.says: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.returncode: int | None = None
        self.heard = asyncio.Event()

    async def send(self, message: Mapping[str, Any]) -> None:
        self.received.append(message)
        self.heard.set()

    async def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
        while (message := await self.says.get()) is not None:
            yield message

    def kill(self) -> None:
        self.returncode = -9
        self.says.put_nowait(None)

    async def end(self) -> bool:
        self.kill()
        return True

    async def wait(self) -> int:
        return self.returncode or 0

    async def until_reported(self, deed: str, count: int = 1) -> Mapping[str, Any]:
        async with asyncio.timeout(5):
            while True:
                found = [message for message in self.received if message["do"] == deed]
                if len(found) >= count:
                    return found[-1]
                self.heard.clear()
                await self.heard.wait()


class Stage:
    """An `Intake` whose processes, clock and sleep are given."""

    def __init__(self) -> None:
        self.catalog = Catalog()
        self.clock = Clock()
        self.processes: list[PretendProcess] = []
        self.pauses: list[float] = []
        self.intake = intake_of(
            self.catalog,
            watch(Path("/data"), answer_time_limit=HANG),
            start=self._start,
            clock=self.clock,
            sleep=self._sleep,
            now=lambda: 0.0,
        )

    async def _start(self) -> PretendProcess:
        self.processes.append(PretendProcess())
        return self.processes[-1]

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0.001)

    async def process(self, number: int) -> PretendProcess:
        await until(lambda: len(self.processes) > number)
        await self.processes[number].until_reported("start")
        return self.processes[number]


@pytest.fixture
async def stage():
    stage = Stage()
    async with running(stage.intake):
        yield stage


def arrival(name: str = "TS_01") -> dict[str, Any]:
    content = Content(1, 2, "abc")
    return {
        "say": "arrival",
        "arrival": arrival_to_json(Arrival(TomogramId("krios1", "s", name), f"s/{name}.mrc", content, "generic")),
    }


async def test_an_arrival_is_acknowledged_only_after_it_was_recorded(stage):
    process = await stage.process(0)
    stage.catalog.refusals = 1
    process.says.put_nowait(arrival())
    assert (await process.until_reported("try_again"))["path"] == "s/TS_01.mrc"
    assert not any(message["do"] == "acknowledge" for message in process.received)
    process.says.put_nowait(arrival())
    await process.until_reported("acknowledge")
    assert len(stage.catalog.arrivals) == 1


async def test_a_restarted_process_is_reported_what_is_known(stage):
    process = await stage.process(0)
    process.says.put_nowait(arrival())
    await process.until_reported("acknowledge")
    process.kill()
    again = await stage.process(1)
    assert again.received[0] == {"do": "know", "files": [["s/TS_01.mrc", 1, 2, "abc", "", 0, ""]]}
    assert stage.intake.status().scanning is False


async def test_a_process_that_dies_at_once_is_started_ever_more_patiently(stage):
    for number in range(8):
        (await stage.process(number)).kill()
    await stage.process(8)
    assert [pause for pause in stage.pauses if pause < HANG / 10 or pause in (8, 16, 32, 60)][:7] == [
        1,
        2,
        4,
        8,
        16,
        32,
        60,
    ]


async def test_a_process_that_has_not_started_for_a_day_is_started_again():
    tries = 0

    async def fails() -> JsonChild:
        nonlocal tries
        tries += 1
        raise OSError("no room")

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    async with running(intake_of(Catalog(), watch(Path("/data")), start=fails, sleep=at_once)):
        await until(lambda: tries > 1100)


async def test_a_silent_process_is_killed_and_the_status_says_since_when(stage):
    process = await stage.process(0)
    process.says.put_nowait({"say": "report", "report": Report(scans=1).to_json()})
    await until(lambda: stage.intake.status().scanning)
    stage.clock.advance(HANG)
    again = await stage.process(1)
    assert process.returncode == -9
    assert "has not answered since" in stage.intake.status().message
    again.says.put_nowait({"say": "report", "report": Report(scans=1).to_json()})
    await until(lambda: stage.intake.status().scanning)


async def test_the_watchers_own_trouble_is_reported(stage):
    process = await stage.process(0)
    process.says.put_nowait({"say": "report", "report": Report(trouble="/data does not exist").to_json()})
    await until(lambda: stage.intake.status().message == "/data does not exist")
    assert stage.intake.status().scanning is False
