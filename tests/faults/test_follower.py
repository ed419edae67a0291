"""`livetomo follow` beside a real daemon: killed, doubled, without room, at an old broker, with bad commands."""

import asyncio
import random
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from livetomo.demo.daemon import embedded_broker
from tests.faults.conftest import live
from tests.faults.follower import Follower, follower, picks_in, python, until
from tests.faults.test_exclusion_reaches_the_average import answers, command
from tests.faults.test_surroundings import fill, small_disk
from tests.servers import free_port

__all__ = ["small_disk"]

NAMES = [f"TS_{number:02}" for number in range(1, 21)]
SLOW = python(
    "import os, shutil, sys, time; time.sleep(0.3); shutil.copy(sys.argv[1], 'part'); os.rename('part', 'seen')"
)


def each(names: list[str]) -> dict[str, int]:
    """One pick in each: there is one ball in each tomogram that is landed."""
    return dict.fromkeys(names, 1)


async def test_ten_kills_while_sets_arrive_cost_no_pick_and_double_none(daemon, listener, mosquitto, tmp_path):
    chance = random.Random(7)

    async def land() -> None:
        for name in NAMES:
            daemon.land(name, seed=int(name[-2:]))
            await asyncio.sleep(0.6)

    await daemon.start()
    await listener.until(lambda heard: heard.words == ["online"])
    async with follower(mosquitto.port, tmp_path / "sta", "--every-tomograms", "3", "--run", SLOW) as one:
        await until(lambda: one.state().get("position"), 0)
        landing = asyncio.create_task(land())
        for _ in range(10):
            await asyncio.sleep(chance.uniform(0.1, 2.5))
            await one.kill()
            await one.start()
        await landing
        await listener.until(lambda heard: len(heard.states("done")) == len(NAMES))
        await until(one.picks, each(NAMES))
        await one.kill()
        await one.start("--tomograms", str(len(NAMES)))
        assert await one.ended() == 0
        assert one.picks() == each(NAMES)
        for run in one.runs():
            assert set(picks_in(run / "ribosome.star").values()) == {1}, "nothing twice, in no copy"
        assert picks_in(one.runs()[-1] / "seen") == each(NAMES), "the last run has seen all"
        before = len(one.runs())
        await one.start("--tomograms", str(len(NAMES)))
        assert await one.ended() == 0
        assert len(one.runs()) == before, "a restart with nothing new runs nothing"


async def test_a_kill_right_after_the_first_start_costs_nothing(daemon, listener, mosquitto, tmp_path):
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    async with follower(mosquitto.port, tmp_path / "sta") as one:
        await until(lambda: bool(one.state()), True)
        await one.kill()
        daemon.land("TS_02", seed=2)
        await listener.until(lambda heard: "TS_02" in heard.states("done"))
        await one.start()
        daemon.land("TS_03", seed=3)
        await until(one.picks, each(["TS_02", "TS_03"]))


async def test_a_second_follower_of_a_folder_is_refused_and_the_first_goes_on(daemon, listener, mosquitto, tmp_path):
    await daemon.start()
    async with follower(mosquitto.port, tmp_path / "sta", "--all") as first:
        await until(lambda: bool(first.state()), True)
        second = Follower(mosquitto.port, tmp_path / "sta", "--all")
        second.complaints = tmp_path / "second.stderr"
        await second.start()
        assert await second.ended() == 5
        assert second.said("in use by another livetomo follow, and two would write over each other. Stop that one") == 1
        daemon.land("TS_01")
        await until(first.picks, each(["TS_01"]))
        await first.kill()
        await second.start()
        daemon.land("TS_02", seed=2)
        await until(second.picks, each(["TS_01", "TS_02"]))
        await second.kill()


@pytest.mark.parametrize("is_killed", [False, True], ids=["collects and runs", "fetches files and is killed"])
async def test_a_full_disk_is_said_once_and_waited_for_and_freed_nothing_is_lost(
    daemon, listener, mosquitto, tmp_path, small_disk, is_killed
):
    disk = small_disk(tmp_path / "small", 1)
    options = ("--all", "--run", SLOW, *(("--format", "relion5") if is_killed else ()))
    await daemon.start()
    async with follower(mosquitto.port, disk / "sta", *options, starts=False) as one:
        one.complaints, one.printed = tmp_path / "stderr", tmp_path / "stdout"
        await one.start()
        daemon.land("TS_01")
        await until(one.picks, each(["TS_01"]))
        await until(lambda: len(list(one.output.glob("*/*/runs/*/seen"))), 1)
        ballast = fill(disk)
        for number in (2, 3, 4):
            daemon.land(f"TS_0{number}", seed=number)
        await listener.until(lambda heard: len(heard.states("done")) == 4)
        waits = ["Saving waits, and goes on by itself."]
        if not is_killed:  # with files to fetch, the first of them waits, and what comes after it
            waits.append("The command for krios1/monday waits, and goes on by itself.")
        await until(lambda: [one.said(sentence) for sentence in waits], [1] * len(waits))
        await asyncio.sleep(6)  # it tries in vain
        assert one.said("No room is left on the disk that holds") == len(waits), "once for each that waits"
        assert one.process.returncode is None
        assert one.picks() == each(["TS_01"])
        if is_killed:
            await one.kill()
            await one.start()
            await until(lambda: one.said(waits[0]), 2)
        ballast.unlink()
        await until(one.picks, each(["TS_01", "TS_02", "TS_03", "TS_04"]))
        await until(lambda: one.said("Saving goes on."), 1)
        await until(lambda: picks_in(one.runs()[-1] / "ribosome.star"), each(["TS_01", "TS_02", "TS_03", "TS_04"]))
        files = sorted(path.name for path in one.output.glob("krios1/monday/tomograms/*"))
        assert files == ([f"TS_0{number}.relion5.star" for number in (1, 2, 3, 4)] if is_killed else [])
        assert one.process.returncode is None
        assert not list(one.output.rglob("*.new"))


async def test_a_broker_without_mqtt_5_is_followed_without_being_told(tmp_path, warm):
    pytest.importorskip("amqtt.broker")
    port = free_port()
    async with embedded_broker(port), live(tmp_path, port, environment=warm) as daemon:
        text = daemon.configuration.read_text()
        daemon.configuration.write_text(text.replace("[mqtt]\n", '[mqtt]\nprotocol = "3.1.1"\n'))
        await daemon.start()
        await answers(daemon)
        async with follower(port, tmp_path / "sta", "--all", "--tomograms", "5") as one:
            for name in NAMES[:5]:
                daemon.land(name, seed=int(name[-2:]))
            assert await one.ended(90) == 0
        assert one.picks() == each(NAMES[:5])
        assert one.said("MQTT") == one.said("protocol") == 0
        other = Follower(port, tmp_path / "other", "--protocol", "5")
        await other.start()
        await until(lambda: other.said("leave --protocol out"), 1)
        await other.kill()


async def test_slow_and_failing_commands_keep_no_set_and_each_set_is_new_in_one_run(
    daemon, listener, mosquitto, tmp_path
):
    slow_and_bad = python("import sys, time; time.sleep(1.5); print('no license'); sys.exit(3)")
    await daemon.start()
    names = NAMES[:8]
    async with follower(mosquitto.port, tmp_path / "sta", "--all", "--tomograms", "8", "--run", slow_and_bad) as one:
        for name in names:
            daemon.land(name, seed=int(name[-2:]))
        await listener.until(lambda heard: len(heard.states("done")) == 8)
        assert await one.ended() == 6, "some runs have failed"
    assert one.picks() == each(names)
    copies = [picks_in(run / "ribosome.star") for run in one.runs()]
    assert 2 <= len(copies) <= 8
    assert copies[-1] == each(names)
    assert all(set(before) < set(after) for before, after in pairwise(copies)), "each has more"
    assert one.said("ended with 3; what it said is in") == len(copies)
    assert {(run / "log.txt").read_text() for run in one.runs()} == {"no license\n"}


async def test_a_mistyped_command_and_another_filter_are_refused_at_the_start(mosquitto, tmp_path):
    one = Follower(mosquitto.port, tmp_path / "sta", "--run", "averge.sh {star}")
    await one.start()
    assert await one.ended() == 2
    assert one.said("--run: averge.sh cannot be run: no folder in PATH has a program of this name") == 1
    assert not (tmp_path / "sta").exists()


async def test_an_exclusion_runs_the_command_and_all_that_is_excluded_leaves_nothing_to_run_on(
    daemon, listener, mosquitto, tmp_path
):
    await daemon.start()
    config = ("--config", str(daemon.configuration))
    for name in ("TS_01", "TS_02"):
        daemon.land(name, seed=int(name[-2:]))
    await listener.until(lambda heard: len(heard.states("done")) == 2)
    options = ("--all", "--every-tomograms", "2", "--run", SLOW)
    async with follower(mosquitto.port, tmp_path / "sta", *options) as one:

        def seen() -> list[list[str]]:
            return [sorted(picks_in(run / "seen")) for run in one.runs() if (run / "seen").exists()]

        await until(seen, [["TS_01", "TS_02"]])
        await until(one.given, 2)
        await command("exclude", "monday", "TS_01", "--why", "ice on top", *config)
        await until(seen, [["TS_01", "TS_02"], ["TS_02"]])
        await until(one.given, 1)
        await command("exclude", "monday", "TS_02", "--why", "ice on top", *config)
        await until(one.picks, {})
        await asyncio.sleep(5)
        assert len(one.runs()) == 2, "nothing is left: no run"
        await one.kill()
        await one.start("--run-empty")
        await until(lambda: len(one.runs()), 3)


async def test_a_recipe_without_relion5_stops_nobody_and_its_sets_are_whole(daemon, listener, mosquitto, tmp_path):
    """What is too much for a message is read from the file that is always written."""
    recipe = daemon.folder / "recipe.toml"
    builtin = Path(sys.modules["livetomo"].__file__).parent / "config/recipe/builtin/untrained.toml"
    recipe.write_text(builtin.read_text().replace('formats = ["relion5"]', 'formats = ["csv"]'))
    text = daemon.configuration.read_text().replace('recipe = "untrained"', f'recipe = "{recipe}"')
    daemon.configuration.write_text(text.replace("[mqtt]\n", "[mqtt]\ninline_picks = 0\n"))
    await daemon.start()
    async with (
        follower(mosquitto.port, tmp_path / "sta", "--all") as one,
        follower(mosquitto.port, tmp_path / "csv", "--all", "--format", "csv") as with_csv,
        follower(mosquitto.port, tmp_path / "warp", "--all", "--format", "warp") as with_warp,
    ):
        for name in NAMES[:3]:
            daemon.land(name, seed=int(name[-2:]))
        await until(one.picks, each(NAMES[:3]))
        await until(with_csv.picks, each(NAMES[:3]))
        await until(lambda: with_warp.said('is left out: it is not published as "warp" (but as: csv, relion5)'), 3)
        assert with_warp.process.returncode is None
    files = sorted(path.name for path in (tmp_path / "csv" / "krios1" / "monday" / "tomograms").iterdir())
    assert files == [f"{name}.csv.csv" for name in NAMES[:3]]
