"""Disk full, permission withdrawn, a mount that hangs, a folder full of rubbish: the daemon waits, says so, goes on."""

import asyncio
import json
import os
import signal
import sqlite3
import struct
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from livetomo.catalog.database import open_database
from livetomo.system.control_socket import ask
from tests.faults.test_running_for_months import livetomo, status, until
from tests.servers import need
from tests.volumes import balls, write_tomogram

ROOT = os.geteuid() == 0


def problems(daemon) -> list[str]:
    return status(daemon)["problems"]


@pytest.fixture
def small_disk(tmp_path):
    """Mount a file system of a few megabytes; only root can."""
    mounted: list[Path] = []

    def mount(path: Path, megabytes: int) -> Path:
        path.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)], capture_output=True, text=True
        )
        if done.returncode:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def bind():
    """Mount a folder at another place, and take it away again; only root can."""
    there: list[Path] = []

    def mount(source: Path, place: Path) -> None:
        for folder in (source, place):
            folder.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "--bind", str(source), str(place)], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
        there.append(place)

    def unmount(place: Path) -> None:
        subprocess.run(["umount", "--lazy", str(place)], check=True)
        there.remove(place)

    yield mount, unmount
    for place in list(there):
        unmount(place)


def fill(disk: Path) -> Path:
    """Leave no room on `disk`."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(bytes(64 * 1024))
                file.flush()
        except OSError:
            return ballast


async def test_a_catalog_that_cannot_be_written_is_waited_for(daemon, listener, small_disk):
    text = daemon.configuration.read_text().replace('output = "out"', 'output = "out"\nmin_free = "1B"')
    daemon.configuration.write_text(text)
    disk = small_disk(daemon.folder / "state", 2)
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    ballast = fill(disk)
    for number in range(2, 6):
        daemon.land(f"TS_{number:02}", seed=number)
    await until(lambda: any("cannot be written" in record["message"] for record in daemon.records()))
    ballast.unlink()
    await listener.until(lambda heard: len(heard.states("done")) == 5)
    assert daemon.is_running()
    assert {name: len(folders) for name, folders in daemon.results().items()} == {f"TS_0{n}": 1 for n in range(1, 6)}


async def test_a_catalog_that_another_program_has_locked_is_waited_for_at_the_start_and_while_running(daemon, listener):
    (daemon.folder / "state").mkdir()
    with closing(open_database(daemon.folder / "state" / "catalog.sqlite")):
        pass
    with closing(sqlite3.connect(daemon.folder / "state" / "catalog.sqlite", isolation_level=None)) as other:

        def locked() -> bool:
            return any("locked by another program" in problem for problem in problems(daemon))

        other.execute("BEGIN EXCLUSIVE")
        await daemon.start()
        await until(locked)
        other.execute("ROLLBACK")
        await listener.until(lambda heard: heard.words == ["online"])
        daemon.land("TS_01")
        await listener.until(lambda heard: heard.states("done") == ["TS_01"])
        other.execute("BEGIN IMMEDIATE")
        daemon.land("TS_02", seed=2)
        await until(locked)
        assert (await asyncio.to_thread(ask, daemon.folder / "state", "/api/v1/sessions"))["sessions"], (
            "the page goes on"
        )
        other.execute("ROLLBACK")
        await listener.until(lambda heard: heard.states("done") == ["TS_01", "TS_02"])
        await until(lambda: problems(daemon) == [])
    said = [record for record in daemon.records() if "locked by another program" in record["message"]]
    assert len(said) == 2, "once for each time"
    assert daemon.is_running()


@pytest.mark.parametrize("where", ["out", "state"])
async def test_a_full_disk_is_said_and_waited_for_and_nothing_is_lost(daemon, listener, small_disk, where):
    disk = small_disk(daemon.folder / where, 12)
    ballast = fill(disk) if where == "out" else None
    await daemon.start()
    await listener.until(lambda heard: heard.words == ["online"])
    ballast = ballast or fill(disk)
    daemon.land("TS_01")
    await until(lambda: any("disk" in problem for problem in status(daemon)["problems"]), seconds=90)
    ballast.unlink()
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    assert daemon.is_running()
    assert listener.states("failed") == []
    assert list(daemon.results()) == ["TS_01"]


async def test_an_output_that_is_not_mounted_is_waited_for_and_verify_names_what_is_missing(daemon, listener, bind):
    mount, unmount = bind
    mount(daemon.folder / "server", daemon.output)
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    await daemon.stop()
    unmount(daemon.output)
    await daemon.start()
    daemon.land("TS_02", seed=2)
    await until(lambda: any("Is something not mounted" in problem for problem in problems(daemon)))
    await listener.until(lambda heard: "TS_02" in heard.states("waiting"))
    code, said = await livetomo(daemon, "verify")
    assert (code, "TS_01 is missing" in said) == (3, True), said
    assert list(daemon.output.iterdir()) == [], "nothing is written below the mount"
    mount(daemon.folder / "server", daemon.output)
    await listener.until(lambda heard: heard.states("done") == ["TS_01", "TS_02"])
    await until(lambda: problems(daemon) == [])
    code, said = await livetomo(daemon, "verify")
    assert (code, "2 of 2 results are as they were published" in said) == (0, True), said
    assert listener.states("failed") == []


async def test_a_state_that_is_not_mounted_is_waited_for_and_no_other_catalog_is_begun(daemon, listener, bind):
    mount, unmount = bind
    state = daemon.folder / "state"
    mount(daemon.folder / "disk", state)
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    (record,) = (daemon.output / ".livetomo").glob("here.*.json")
    await daemon.stop()
    record.write_text(json.dumps(json.loads(record.read_text()) | {"seq": 5}))  # as it is some seconds later
    unmount(state)
    await daemon.start()
    await until(lambda: any("holds no catalog" in each["message"] for each in daemon.records()))
    assert list(state.iterdir()) == []
    mount(daemon.folder / "disk", state)
    daemon.land("TS_02", seed=2)
    await listener.until(lambda heard: heard.states("done") == ["TS_01", "TS_02"])
    assert listener.states("waiting") == ["TS_01", "TS_02"]


async def test_below_the_floor_no_job_is_begun_though_there_is_room_for_its_result(daemon, listener, small_disk):
    ballast = small_disk(daemon.folder / "out", 40) / "ballast"
    ballast.write_bytes(bytes(38_500_000))  # the floor is a tenth of so small a disk
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("waiting") == ["TS_01"])
    await until(lambda: [worker["state"] for worker in status(daemon)["status"]["workers"]] == ["idle"])
    assert any("disk" in problem for problem in status(daemon)["problems"])
    assert status(daemon)["status"]["jobs"] == {"waiting": 1}
    assert daemon.children("livetomo.processing.worker_process") == []
    ballast.unlink()
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    ballast.write_bytes(bytes(38_500_000))
    await until(lambda: any("disk" in problem for problem in status(daemon)["problems"]))
    for name in ("TS_02", "TS_03"):
        daemon.land(name, seed=int(name[-1]))
        await listener.until(lambda heard, name=name: name in heard.states("waiting"))
    assert listener.states("running") == ["TS_01"]
    ballast.unlink()
    await listener.until(lambda heard: len(heard.states("done")) == 3)


async def test_a_disk_that_fills_while_a_result_is_written_costs_only_time(daemon, listener, small_disk):
    text = daemon.configuration.read_text().replace('output = "out"', 'output = "out"\nmin_free = "1B"')
    daemon.configuration.write_text(text)
    disk = small_disk(daemon.folder / "out", 1)
    (disk / "ballast").write_bytes(bytes(980_000))
    await daemon.start()
    daemon.land("TS_01", shape=(32, 96, 96))
    await until(lambda: any("postponed" in record["message"] for record in daemon.records()))
    (disk / "ballast").unlink()
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    assert daemon.leftovers() == []


def like_anybody() -> tuple[str, ...]:
    """What a command goes through so that permissions count for it, as they do for everybody but root."""
    if not ROOT:
        return ()
    powers = "-dac_override,-dac_read_search,-fowner"
    return (need("setpriv", "util-linux"), "--bounding-set", powers, "--inh-caps", powers)


async def test_permission_that_is_withdrawn_and_returned_costs_only_time(daemon, listener):
    await daemon.start(through=like_anybody())
    await listener.until(lambda heard: heard.words == ["online"])
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    (daemon.root / "monday").chmod(0)
    await until(lambda: any("monday" in problem for problem in status(daemon)["problems"]))
    (daemon.root / "monday").chmod(0o755)
    await until(lambda: status(daemon)["problems"] == [])
    hidden = daemon.land("TS_02", seed=2)
    hidden.chmod(0)
    daemon.land("TS_03", seed=3)
    await listener.until(lambda heard: "TS_03" in heard.states("done"))
    hidden.chmod(0o644)
    await listener.until(lambda heard: "TS_02" in heard.states("done"))
    assert listener.states("failed") == []


async def test_a_watch_that_hangs_does_not_hold_up_another(daemon, listener):
    text = daemon.configuration.read_text()
    other = daemon.folder / "glacios"
    (other / "tuesday").mkdir(parents=True)
    daemon.configuration.write_text(
        text + f'[[watch]]\nname = "glacios"\npath = "{other}"\nrecipe = "untrained"\n'
        'settle = "200ms"\nrescan = "500ms"\nsince = "all"\n'
    )
    await daemon.start()
    await until(lambda: all(watch["scanning"] for watch in status(daemon)["status"]["watches"] or [{"scanning": 0}]))
    hanging = daemon.child_of_watch("krios1")
    os.kill(hanging, signal.SIGSTOP)
    daemon.land("TS_01")
    write_tomogram(other / "tuesday" / "TS_02.mrc", balls((16, 40, 40), ((8, 20, 20),), seed=2))
    await listener.until(lambda heard: heard.states("done") == ["TS_02"])
    os.kill(hanging, signal.SIGCONT)
    await listener.until(lambda heard: set(heard.states("done")) == {"TS_01", "TS_02"})


def poison(good: bytes) -> dict[str, tuple[bytes, str]]:
    """Bad files of twelve kinds, made of a good one, and the reason for which each should fail."""

    def header(offset: int, form: str, *values) -> bytes:
        block = bytearray(good)
        struct.pack_into(form, block, offset, *values)
        return bytes(block)

    nothing = good[:1024] + np.full((len(good) - 1024) // 4, np.nan, "<f4").tobytes()
    return {
        "truncated": (good[:-4], "truncated volume"),
        "headless": (good[1024:1500], "not an MRC file"),
        "header_only": (good[:1024], "truncated volume"),
        "text": (b"Not a tomogram at all.\n" * 200, "not an MRC file"),
        "zeros": (bytes(5000), "not an MRC file"),
        "huge": (header(0, "<3i", 10_000, 10_000, 10_000), "absurd header"),
        "negative": (header(0, "<3i", -16, 40, 40), "absurd header"),
        "flat": (header(8, "<i", 0), "absurd header"),
        "mode": (header(12, "<i", 3), "unsupported mode"),
        "unknown_mode": (header(12, "<i", 77), "unsupported mode"),
        "nan": (nothing, "no usable voxels"),
        "constant": (good[:1024] + bytes(len(good) - 1024), "no usable voxels"),
    }


async def test_fifty_bad_files_of_twelve_kinds_cost_fifty_jobs_and_fifty_good_ones_go_through(daemon, listener):
    good = write_tomogram(daemon.folder / "good.mrc", balls((12, 32, 32), ((6, 16, 16),))).read_bytes()
    kinds = poison(good)
    session = daemon.root / "monday"
    session.mkdir()
    expected = {}
    for number in range(50):
        kind = list(kinds)[number % len(kinds)]
        (session / f"bad_{number:02}_{kind}.mrc").write_bytes(kinds[kind][0])
        expected[f"bad_{number:02}_{kind}"] = kinds[kind][1]
        write_tomogram(session / f"good_{number:02}.mrc", balls((12, 32, 32), ((6, 16, 16),), seed=number))
    await daemon.start()
    await listener.until(lambda heard: len(heard.states("done")) + len(heard.states("failed")) == 100, seconds=240)
    faults = {e["tomogram"]: e["fault"] for e in listener.events("state").values() if e["state"] == "failed"}
    assert {name: fault["reason"] for name, fault in faults.items()} == expected
    assert {fault["kind"] for fault in faults.values()} == {"permanent"}
    assert len(daemon.results()) == 50
    assert await asyncio.to_thread(daemon.leftovers) == []
