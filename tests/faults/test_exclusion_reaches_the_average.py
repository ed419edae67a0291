"""What a person takes out is dropped by a follower in another process, and comes back: once each, through kills."""

import asyncio
import json
import sys
from collections import Counter
from contextlib import asynccontextmanager
from pathlib import Path

from livetomo.core.errors import Unreachable
from livetomo.formats.star import read_loops
from livetomo.system.control_socket import ask

# What the person asks for, and what the follower prints of it.
STEPS = [
    (("exclude", "monday", "TS_01", "--why", "ice on top"), "TS_01: taken back (1 in 1 tomogram)"),
    (("readmit", "monday", "TS_01"), "TS_01: 1 pick (2 in 2 tomograms)"),
    (("exclude", "monday", "TS_01", "--why", "edge", "--z", "0:15"), "TS_01: 0 picks (1 in 2 tomograms)"),
    (("readmit", "monday", "TS_01"), "TS_01: 1 pick (2 in 2 tomograms)"),
    (
        ("exclude", "monday", "TS_02", "--why", "none there", "--feature", "ribosome"),
        "TS_02: not taken: ribosome is excluded (1 in 1 tomogram)",
    ),
    (("readmit", "monday", "TS_02"), "TS_02: 1 pick (2 in 2 tomograms)"),
]


async def command(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livetomo", *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def answers(daemon) -> None:
    """Return when the daemon that was just started can be asked."""
    async with asyncio.timeout(60):
        while True:
            try:
                await asyncio.to_thread(ask, daemon.folder / "state", "/api/v1/status")
                return
            except Unreachable:
                await asyncio.sleep(0.1)


@asynccontextmanager
async def follower(broker: int, output: Path):
    words = ("--broker", f"mqtt://127.0.0.1:{broker}", "--feature", "ribosome", "--output", str(output), "--all")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livetomo", "follow", *words), stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def line(process: asyncio.subprocess.Process) -> str:
    async with asyncio.timeout(60):
        return (await process.stdout.readline()).decode().strip()


def in_star(path: Path) -> dict[str, int]:
    return dict(Counter(read_loops(path)["particles"]["rlnTomoName"]))


async def until(found, wanted, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while (last := found()) != wanted:  # noqa: ASYNC110 (files have no bell)
            await asyncio.sleep(0.1)
    assert last == wanted


async def test_an_exclusion_is_followed_and_undone_exactly_once_across_kills(daemon, listener, mosquitto, tmp_path):
    await daemon.start()
    for name in ("TS_01", "TS_02"):
        daemon.land(name, seed=int(name[-1]))  # files of one second and content are copies of each other
        await listener.until(lambda heard, name=name: name in heard.states("done"))
    collected = tmp_path / "sta"
    async with follower(mosquitto.port, collected) as process:
        assert [await line(process) for _ in range(2)] == [
            "krios1/monday/TS_01: 1 pick (1 in 1 tomogram)",
            "krios1/monday/TS_02: 1 pick (2 in 2 tomograms)",
        ]
        for words, printed in STEPS:
            await command(*words, "--config", str(daemon.configuration))
            await daemon.kill()
            await daemon.start()
            await answers(daemon)
            assert await line(process) == f"krios1/monday/{printed}"
        # Nothing more comes: what is next is said of the next tomogram.
        daemon.land("TS_03", seed=3)
        assert await line(process) == "krios1/monday/TS_03: 1 pick (3 in 3 tomograms)"
        star = collected / "krios1" / "monday" / "ribosome.star"
        await until(lambda: in_star(star), {"TS_01": 1, "TS_02": 1, "TS_03": 1})
    receipts = [json.dumps(each) for kind in ("excluded", "readmitted") for each in listener.events(kind).values()]
    assert (len(receipts), len(set(receipts))) == (6, 6)
    assert {each["why"] for each in listener.events("excluded").values()} == {"ice on top", "edge", "none there"}


async def test_the_session_s_files_and_a_rebuilt_catalog_go_without_it(daemon, listener, tmp_path):
    await daemon.start()
    for name in ("TS_01", "TS_02"):
        daemon.land(name, seed=int(name[-1]))  # files of one second and content are copies of each other
        await listener.until(lambda heard, name=name: name in heard.states("done"))
    config = ("--config", str(daemon.configuration))
    session = daemon.output / "krios1" / "monday"
    star = session / "particles" / "ribosome.star"

    def stars() -> dict[str, int]:
        return in_star(star) if star.exists() else {}

    await until(stars, {"TS_01": 1, "TS_02": 1})
    await command("exclude", "monday", "TS_01", "--why", "ice on top", *config)
    await until(stars, {"TS_02": 1})
    assert "TS_01: everything is excluded by" in (session / "particles" / "left_out.txt").read_text()
    said = await command("picks", str(session), "--format", "csv", "--output", str(tmp_path / "csv"))
    assert said.startswith("1 pick of ribosome in 1 tomogram")
    assert "not taken: TS_01: everything is excluded by" in said
    await daemon.stop()
    await command("rebuild", *config)
    await daemon.start()
    await answers(daemon)
    answer = json.loads(await command("readmit", "monday", "TS_01", "--json", *config))
    assert [each["why"] for each in answer["readmitted"]] == ["ice on top"]
    await until(stars, {"TS_01": 1, "TS_02": 1})
