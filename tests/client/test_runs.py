"""The command runs when enough is new, when something was taken out, when a session is over; and never for nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from livetomo.client.choice import Choice
from livetomo.client.command import Command, Every
from livetomo.client.follow import Follower
from livetomo.client.local_collection import Collection
from livetomo.client.news import Given, News
from tests.client.test_pick_stream import FakeDaemon

COUNT = "sh -c 'grep -c ^TS \"$1\" >count' sh {star}"


def counts(folder: Path) -> list[int]:
    """How many picks each run that is done has seen, in order."""
    return [int(path.read_text() or -1) for path in sorted(folder.glob("krios1/*/runs/*/count"))]


async def until(what: Any, wanted: Any) -> None:
    async with asyncio.timeout(20):
        while what() != wanted:  # noqa: ASYNC110 (another process says it)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def following(
    daemon: FakeDaemon, folder: Path, line: str = COUNT, every: Every | None = None, **more: Any
) -> Any:
    """A follower whose time goes a hundred times as fast."""
    collection = Collection(folder, Choice("ribosome"))
    follower = Follower(
        daemon.stream(after=collection.position or 0, reconcile_seconds=0.05),
        collection,
        command=Command(line),
        every=every,
        pause=lambda seconds: asyncio.sleep(seconds / 100),
        **more,
    )
    running = asyncio.create_task(follower.run())
    try:
        yield follower
    finally:
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()


def given_by(folder: Path) -> dict[str, Any]:
    """The number of picks of each tomogram that the command was given, as it is stored."""
    sessions = json.loads((folder / "follow.json").read_text())["sessions"]
    return {name: count for each in sessions for name, (_, _, count) in each["given"].items()}


async def test_a_restart_with_nothing_new_runs_nothing(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=2)
    async with following(daemon, tmp_path):
        await until(lambda: counts(tmp_path), [2])
        await until(lambda: given_by(tmp_path), {"TS_01": 2})
    for _ in range(2):
        async with following(daemon, tmp_path):
            await asyncio.sleep(0.3)
    assert counts(tmp_path) == [2]
    daemon.picked("TS_02", picks=3)
    async with following(daemon, tmp_path):
        await until(lambda: counts(tmp_path), [2, 5])


async def test_a_retraction_runs_the_command_however_much_it_waits_for(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with following(daemon, tmp_path, every=Every(tomograms=3)):
        for number in range(3):
            daemon.picked(f"TS_{number:02}", picks=2)
        await until(lambda: counts(tmp_path), [6])
        await until(lambda: given_by(tmp_path), {f"TS_{number:02}": 2 for number in range(3)})
        daemon.retracted("TS_01")
        await until(lambda: counts(tmp_path), [6, 4])
        daemon.picked("TS_03", picks=2)
        await asyncio.sleep(0.3)
        assert counts(tmp_path) == [6, 4], "one tomogram is not three"


async def test_the_end_of_a_session_runs_the_command_on_what_is_left_once(tmp_path: Path) -> None:
    daemon = FakeDaemon()
    async with following(daemon, tmp_path, every=Every(tomograms=100)):
        daemon.picked("TS_01", picks=2)
        daemon.picked("TS_02", picks=3)
        await asyncio.sleep(0.3)
        assert counts(tmp_path) == []
        daemon.over.add("s1")
        await until(lambda: counts(tmp_path), [5])
        await asyncio.sleep(0.7)
    async with following(daemon, tmp_path, every=Every(tomograms=100)):
        await asyncio.sleep(0.3)
    assert counts(tmp_path) == [5]


@pytest.mark.parametrize("is_asked_for", [False, True])
async def test_a_particles_file_without_picks_is_no_cause_for_a_run_unless_asked_for(
    tmp_path: Path, is_asked_for: bool
) -> None:
    line = "sh -c 'grep -c ^TS \"$1\" >count; true' sh {star}"
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=0)
    async with following(daemon, tmp_path, line, run_empty=is_asked_for):
        await until(lambda: counts(tmp_path), [0] if is_asked_for else [])
        await asyncio.sleep(0.2)
        daemon.picked("TS_02", picks=2)
        await until(lambda: counts(tmp_path), [0, 2] if is_asked_for else [2])
        await until(lambda: given_by(tmp_path), {"TS_01": 0, "TS_02": 2})
        daemon.retracted("TS_02")
        await asyncio.sleep(0.3)
        assert counts(tmp_path) == ([0, 2, 0] if is_asked_for else [2])


async def test_a_program_that_goes_away_is_a_failed_run_and_ends_nothing(tmp_path: Path, caplog: Any) -> None:
    script = tmp_path / "average.sh"
    script.write_text("#!/bin/sh\ngrep -c ^TS $1 >count\n")
    script.chmod(0o755)
    daemon = FakeDaemon()
    async with following(daemon, tmp_path / "sta", f"{script} {{star}}") as follower:
        daemon.picked("TS_01", picks=2)
        await until(lambda: counts(tmp_path / "sta"), [2])
        script.rename(tmp_path / "away")
        daemon.picked("TS_02", picks=2)
        await until(lambda: follower.failed_runs, 1)
        (tmp_path / "away").rename(script)
        daemon.picked("TS_03", picks=2)
        await until(lambda: counts(tmp_path / "sta"), [2, 6])
    assert "average.sh cannot be run" in caplog.text


@contextmanager
def orphan(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command whose follower was killed: it holds the mark of its run."""
    mark = str(folder / ".running")
    code = f"import fcntl, time; one = open({mark!r}, 'wb'); fcntl.flock(one, 2); print(); time.sleep(60)"
    folder.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-uc", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


async def test_a_command_that_has_outlived_its_follower_is_waited_for_and_said(tmp_path: Path, caplog: Any) -> None:
    daemon = FakeDaemon()
    daemon.picked("TS_01", picks=2)
    with orphan(tmp_path / "krios1" / "s1" / "runs" / "0007") as process:
        async with following(daemon, tmp_path):
            await until(lambda: "still runs in" in caplog.text, True)
            await asyncio.sleep(0.2)
            assert counts(tmp_path) == []
            os.kill(process.pid, signal.SIGKILL)
            await until(lambda: counts(tmp_path), [2])
    assert caplog.text.count("still runs in") == 1
    assert (tmp_path / "krios1" / "s1" / "runs" / "0008" / "count").exists()


def one(event: str, result: str, count: int = 1) -> Given:
    return Given(event, result, count)


def test_what_is_new_is_counted_as_it_changes_and_what_was_taken_out_is_known() -> None:
    news = News({"a": one("1", "r1", 3), "b": one("2", "r2", 5)}, {"a": one("1", "r1", 3), "c": one("3", "r3", 7)})
    assert (news.tomograms, news.picks, news.is_taken_out) == (2, 12, True)
    news.note("b", one("2", "r2", 5))
    assert (news.tomograms, news.picks, news.is_taken_out) == (1, 7, False)
    news.note("a", one("4", "r4", 2))
    assert (news.tomograms, news.picks, news.is_taken_out) == (2, 9, False), "replaced by another result"
    news.note("a", one("5", "r1", 2))
    assert (news.tomograms, news.picks, news.is_taken_out) == (2, 9, True), "a part of the same result is excluded"
    news.note("c", None)
    assert (news.tomograms, news.picks, news.is_taken_out) == (1, 2, True), "what the command never saw is no loss"
