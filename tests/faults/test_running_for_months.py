"""What a daemon does when a person changes its mind, when systemd asks, and when what it stands on gives way."""

import asyncio
import os
import re
import shutil
import signal
import socket
import sqlite3
import sys
from pathlib import Path

import numpy as np
import pytest

from livetomo.core.errors import Unreachable
from livetomo.system.control_socket import ask
from tests.servers import Wire
from tests.volumes import balls, write_tomogram

MOST_LOST_WITH_A_BROKER = 5
OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


async def until(what, seconds: float = 60):
    """For what only looking can show: the daemon's own word over its socket, or a log line."""
    async with asyncio.timeout(seconds):
        while not (answer := await asyncio.to_thread(what)):  # noqa: ASYNC110  (another process: nothing rings)
            await asyncio.sleep(0.05)
        return answer


def status(daemon) -> dict:
    try:
        return ask(daemon.folder / "state", "/api/v1/status")
    except Unreachable:
        return {"status": {"watches": [], "workers": [], "jobs": {}, "disks": []}, "problems": ["it does not answer"]}


def test_status_of_a_daemon_that_is_not_there_says_how_to_start_it(tmp_path):
    with pytest.raises(Unreachable, match="Is `livetomo run` running"):
        ask(tmp_path, "/api/v1/status")


async def test_a_new_watch_is_taken_up_without_disturbing_the_old_one(daemon, listener):
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    (daemon.folder / "glacios").mkdir()
    with daemon.configuration.open("a") as file:
        file.write(
            '[[watch]]\nname = "glacios"\npath = "glacios"\nrecipe = "untrained"\n'
            'settle = "200ms"\nrescan = "500ms"\nsince = "all"\n'
        )
    intake = daemon.children("livetomo.intake")
    os.kill(daemon.pid, signal.SIGHUP)
    await until(lambda: len(status(daemon)["status"]["watches"]) == 2)
    (daemon.folder / "glacios" / "tuesday").mkdir()
    shutil.copy(daemon.root / "monday" / "TS_01.mrc", daemon.folder / "glacios" / "tuesday" / "TS_02.mrc")
    await listener.until(lambda heard: "TS_02" in heard.states("done"))
    assert set(intake) < set(daemon.children("livetomo.intake"))
    assert listener.results() == ["TS_01", "TS_02"]


async def test_a_configuration_that_cannot_be_is_refused_and_the_old_one_kept(daemon, listener):
    await daemon.start()
    await listener.until(lambda heard: heard.words == ["online"])
    daemon.configuration.write_text(daemon.configuration.read_text().replace("settle", "setle"))
    os.kill(daemon.pid, signal.SIGHUP)
    await until(lambda: any("old one stays in force" in record["message"] for record in daemon.records()))
    assert any('Did you mean "settle"' in record["message"] for record in daemon.records())
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])


async def test_a_changed_recipe_makes_no_new_jobs_and_counts_for_what_comes(daemon, listener):
    recipe = daemon.folder / "mine.toml"
    text = (
        'density = "dark"\n[[feature]]\nname = "blob"\nmodel = "blob"\ndiameter_angstrom = 250\n'
        '[[pick]]\nfeature = "blob"\nmin_spacing_angstrom = 200\n'
    )
    recipe.write_text(text)
    changed = daemon.configuration.read_text().replace('recipe = "untrained"', 'recipe = "mine.toml"')
    daemon.configuration.write_text(changed)
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    recipe.write_text(text.replace("250", "260"))
    os.kill(daemon.pid, signal.SIGHUP)
    await until(lambda: any(record["message"] == "configuration taken up" for record in daemon.records()))
    daemon.land("TS_02", seed=1)
    await listener.until(lambda heard: "TS_02" in heard.states("done"))
    hashes = {event["tomogram"]: event["recipe_hash"] for event in listener.events("result").values()}
    assert list(hashes) == ["TS_01", "TS_02"]
    assert hashes["TS_01"] != hashes["TS_02"]


async def test_systemd_is_reported_that_the_daemon_is_ready_alive_and_stopping(daemon, listener):
    path = daemon.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(path))
        ear.setblocking(False)
        heard: list[str] = []
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            # From the start, as systemd does: a socket holds a few messages only, and who writes more waits.
            listening = tasks.create_task(_hear(ear, heard))
            await daemon.start(environment={"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "400000"})
            await until(lambda: heard.count("WATCHDOG=1") >= 3 and "READY=1" in heard)
            await daemon.stop()
            await until(lambda: "STOPPING=1" in heard)
            listening.cancel()


async def _hear(ear: socket.socket, heard: list[str]) -> None:
    while True:
        heard.append((await asyncio.get_running_loop().sock_recv(ear, 1000)).decode())


async def test_a_pause_lets_files_be_taken_in_but_no_job_be_started(daemon, listener):
    await daemon.start()
    await listener.until(lambda heard: heard.words == ["online"])
    state = daemon.folder / "state"
    await asyncio.to_thread(ask, state, "/api/v1/actions/pause", method="POST", body={})
    assert not (await asyncio.to_thread(status, daemon))["status"]["url"].endswith(":0")
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("waiting") == ["TS_01"])
    assert listener.states("running") == []
    await daemon.stop()
    await daemon.start()
    await until(lambda: status(daemon)["status"].get("paused"))
    await asyncio.to_thread(ask, state, "/api/v1/actions/resume", method="POST", body={})
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])


async def test_the_science_never_waits_for_a_broker_that_is_away_and_nothing_is_lost(daemon, listener, mosquitto):
    await mosquitto.stop()
    await daemon.start()
    for number in range(3):
        daemon.land(f"TS_{number}", seed=number)
    await until(lambda: status(daemon)["status"]["jobs"].get("done") == 3)
    assert any("broker" in problem for problem in status(daemon)["problems"])
    await mosquitto.start()
    await listener.until(lambda heard: len(heard.states("done")) == 3)
    numbers = [event["seq"] for event in listener.events().values()]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_a_broker_that_comes_and_goes_loses_nothing_and_keeps_the_order(daemon, listener, mosquitto):
    """A killed broker loses what it has acknowledged and not handed on; a consumer that misses it asks by number."""
    stops = int(os.environ.get("LIVETOMO_BROKER_STOPS", "20"))
    await daemon.start()
    await listener.until(lambda heard: heard.words)
    for number in range(stops):
        daemon.land(f"TS_{number:03}", seed=number)
        await mosquitto.stop(how=signal.SIGKILL if number % 2 else signal.SIGTERM)
        await mosquitto.start()
        await listener.until(lambda heard, name=f"TS_{number:03}": name in heard.states("running"))
    daemon.land("last", seed=stops)
    await until(lambda: status(daemon)["status"]["jobs"].get("done") == stops + 1, seconds=90 + 5 * stops)
    numbered = await asyncio.to_thread(all_events, daemon)
    assert [event["seq"] for event in numbered] == list(range(1, len(numbered) + 1))
    last = numbered[-1]["event_id"]
    await listener.until(lambda listening: last in listening.events())
    missed = {event["event_id"] for event in numbered} - set(listener.events())
    print(f"\n{stops} stops, {len(numbered)} events, {len(missed)} of them lost with a killed broker")
    assert len(missed) <= stops // 2 * MOST_LOST_WITH_A_BROKER
    assert set(listener.events()) <= {event["event_id"] for event in numbered}


def all_events(daemon) -> list[dict]:
    """What a consumer that was away gets when it asks by number."""
    events: list[dict] = []
    while True:
        after = events[-1]["seq"] if events else 0
        page = ask(daemon.folder / "state", f"/api/v1/events?after={after}&limit=500")["events"]
        if not page:
            return events
        events += page


async def test_a_broker_that_takes_connections_and_never_answers_holds_nobody_up(daemon, listener, mosquitto):
    wire = Wire(mosquitto.port)
    await wire.start()
    wire.stuff()
    text = daemon.configuration.read_text().replace(f":{mosquitto.port}", f":{wire.port}")
    daemon.configuration.write_text(text)
    await daemon.start()
    daemon.land("TS_01")
    await until(lambda: status(daemon)["status"]["jobs"].get("done") == 1)
    wire.unstuff()
    wire.cut()
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    await wire.close()


async def test_a_file_that_is_deleted_while_it_is_queued_costs_its_own_job_only(daemon, listener):
    await daemon.start()
    state = daemon.folder / "state"
    await listener.until(lambda heard: heard.words == ["online"])
    await asyncio.to_thread(ask, state, "/api/v1/actions/pause", method="POST", body={})
    path = daemon.land("TS_01")
    daemon.land("TS_02", seed=2)
    await listener.until(lambda heard: len(heard.states("waiting")) == 2)
    path.unlink()
    await asyncio.to_thread(ask, state, "/api/v1/actions/resume", method="POST", body={})
    await listener.until(lambda heard: heard.states("done") == ["TS_02"])
    (job,) = (await asyncio.to_thread(ask, state, "/api/v1/tomograms?watch=krios1&session=monday&name=TS_01"))[
        "tomograms"
    ]
    assert job["state"] == "waiting"
    write_tomogram(path, balls((16, 40, 40), ((8, 20, 20),), seed=9))
    await listener.until(lambda heard: len(heard.states("done")) == 2)


async def test_the_catalog_is_sound_after_the_worst_of_it(daemon, listener):
    await daemon.start()
    for number in range(4):
        daemon.land(f"TS_{number}", seed=number)
        await listener.until(lambda heard, number=number: f"TS_{number}" in heard.states("running"))
        await daemon.kill()
        await daemon.start()
    await listener.until(lambda heard: len(heard.states("done")) == 4)
    await daemon.stop()
    with sqlite3.connect(daemon.folder / "state" / "catalog.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchone() is None


async def livetomo(daemon, *words: str) -> tuple[int, str]:
    """A command, as a person would call it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livetomo", *words, "--config", str(daemon.configuration)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def test_a_damaged_catalog_is_refused_and_made_anew_without_saying_anything_new(daemon, listener):
    await daemon.start()
    for number in range(3):
        daemon.land(f"TS_{number}", seed=number)
    await listener.until(lambda heard: len(heard.states("done")) == 3)
    code, said = await livetomo(daemon, "backup", str(daemon.folder / "copy.sqlite"))
    assert code == 0, said
    before = set(listener.events())
    await daemon.stop()
    catalog = daemon.folder / "state" / "catalog.sqlite"
    catalog.write_bytes(b"\0" * 5000)
    await daemon.start()
    assert await daemon.ended() == 2
    assert "livetomo rebuild" in daemon.log.read_text()
    code, said = await livetomo(daemon, "rebuild")
    assert (code, "knows 3 results" in said) == (0, True), said
    await daemon.start()
    daemon.land("TS_3", seed=3)
    await listener.until(lambda heard: len(heard.states("done")) == 4)
    assert {e["tomogram"] for i, e in listener.events().items() if i not in before} == {"TS_3"}
    await daemon.stop()
    for part in daemon.folder.glob("state/catalog.sqlite*"):
        part.unlink()
    shutil.copyfile(daemon.folder / "copy.sqlite", catalog)
    await daemon.start()
    await until(lambda: status(daemon)["status"]["jobs"].get("done") == 4)
    assert len(daemon.results()) == 4


def of_the_docs(daemon) -> list[list[str]]:
    """The commands of livetomo in docs/operations.md, "Backup", about a file of this test."""
    section = OPERATIONS.read_text(encoding="utf-8").split("## Backup")[1].split("\n## ")[0]
    copy = str(daemon.folder / "copy.sqlite")
    lines = re.findall(r"^(?:runuser .* -- )?livetomo ((?:backup|restore) .*)$", section, re.MULTILINE)
    lines = [line.replace('-c "$LIVETOMO_CONFIG" ', "") for line in lines]
    return [re.sub(r"/backup/.*\.sqlite", copy, line).split() for line in lines]


async def test_a_backup_is_put_in_force_as_the_docs_say_after_the_daemon_was_killed(daemon, listener):
    backup, restore = of_the_docs(daemon)
    assert (backup[0], restore[0]) == ("backup", "restore")
    await daemon.start()
    daemon.land("TS_0")
    await listener.until(lambda heard: heard.states("done") == ["TS_0"])
    code, said = await livetomo(daemon, *backup)
    assert code == 0, said
    code, said = await livetomo(daemon, *restore)
    assert (code, "in use by another" in said) == (5, True), said
    for number in (1, 2):
        daemon.land(f"TS_{number}", seed=number)
    await listener.until(lambda heard: len(heard.states("done")) == 3)
    before = {event["epoch"] for event in listener.events().values()}
    highest = max(event["seq"] for event in listener.events().values())
    known = set(listener.events())
    await daemon.kill()
    assert (daemon.folder / "state" / "catalog.sqlite-wal").stat().st_size > 0
    code, said = await livetomo(daemon, *restore)
    assert (code, "knows 3 results, 2 of them newer" in said) == (0, True), said
    await daemon.start()
    daemon.land("TS_3", seed=3)
    await listener.until(lambda heard: len(heard.states("done")) == 4)
    news = [event for event_id, event in listener.events().items() if event_id not in known]
    news = [event for event in news if event["schema"] != "livetomo/verdict/1"]  # it may come after the last "done"
    assert {event["tomogram"] for event in news} == {"TS_3"}
    assert len(before) == 1
    assert {event["epoch"] for event in news}.isdisjoint(before)
    assert min(event["seq"] for event in news) > highest
    assert {name: len(folders) for name, folders in daemon.results().items()} == {f"TS_{n}": 1 for n in range(4)}


async def test_verify_names_what_differs_and_is_content_otherwise(daemon, listener):
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done"))
    assert (await livetomo(daemon, "verify", "monday"))[0] == 0
    (star,) = daemon.output.rglob("picks/*.star")
    star.write_text(star.read_text() + "\n")
    code, said = await livetomo(daemon, "verify", "monday")
    assert code == 3
    assert "picks/ribosome.relion5.star has another size" in said
    assert "0 of 1 results are as they were published" in said


async def test_a_sessions_stars_follow_its_results_and_their_retractions(daemon, listener):
    def particles(session: str = "monday") -> list[str]:
        path = daemon.output / "krios1" / session / "particles" / "ribosome.star"
        if not path.exists():
            return []
        return sorted({line.split()[0] for line in path.read_text().splitlines() if line.startswith("TS_")})

    await daemon.start()
    daemon.land("TS_01", seed=1)
    daemon.land("TS_02", seed=2)
    await until(lambda: particles() == ["TS_01", "TS_02"], seconds=120)
    folder = daemon.output / "krios1" / "monday" / "particles"
    files = {
        "ribosome.star", "tomograms.star", "optimisation_set.star", "ribosome_optimisation_set.star",
        "ribosome_import.star", "ribosome_import", "still_needed.txt",
    }  # fmt: skip
    await until(lambda: {path.name for path in folder.glob("[!.]*")} == files)  # one is written after the other
    empty = np.random.default_rng(3).normal(size=(16, 40, 40)).astype(np.float32)
    await daemon.stop()
    shutil.rmtree(folder)
    write_tomogram(daemon.root / "monday" / "TS_02.mrc", empty)
    await daemon.start()
    await listener.until(lambda heard: heard.states("superseded") == ["TS_02"])
    await until(lambda: particles() == ["TS_01"], seconds=120)


async def test_a_sessions_stars_follow_what_sidecars_say_late(daemon, listener):
    def pixel() -> str:
        path = daemon.output / "krios1" / "monday" / "particles" / "tomograms.star"
        rows = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
        return next((" ".join(row[1:2]) or "not known" for row in rows if row[:1] == ["TS_01"]), "")

    await daemon.start()
    daemon.land("TS_01", seed=1)
    await until(lambda: pixel() == "not known", seconds=120)
    series = '<TiltSeries><Angles>-60 60</Angles><CTF><Param Name="PixelSize" Value="2.5" /></CTF></TiltSeries>'
    (daemon.root / "monday" / "TS_01.xml").write_text(series)
    await until(lambda: pixel() == "2.500000", seconds=120)  # stars rest up to 30 s where writing them is slow
    assert len(daemon.results()["TS_01"]) == 1


async def test_what_is_said_about_a_session_counts_for_what_lands_in_it_afterwards(daemon, listener):
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done") == ["TS_01"])
    code, said = await livetomo(daemon, "sessions", "set", "monday", "--voxel-size", "12.5", "--density", "bright")
    assert (code, said.strip()) == (0, "krios1/monday: voxel_size_angstrom 12.5, density bright")
    daemon.land("TS_02", seed=2)
    daemon.land("TS_03", session="tuesday", seed=3)
    await listener.until(lambda heard: len(heard.states("done")) == 3)
    sizes = {e["tomogram"]: e["volume"]["voxel_size_angstrom"] for e in listener.events("result").values()}
    assert sizes == {"TS_01": 25.0, "TS_02": 12.5, "TS_03": 25.0}
    assert (await livetomo(daemon, "sessions", "set", "sunday", "--voxel-size", "3"))[0] == 2
    assert (await livetomo(daemon, "sessions", "set", "monday", "--recipe", "no-such-recipe"))[0] == 2
    code, said = await livetomo(daemon, "sessions", "target", "monday", "ribosome=20000")
    assert (code, said.strip()) == (0, "krios1/monday: 20,000 ribosome")
    assert (await livetomo(daemon, "sessions", "target", "monday", "ribosome=many"))[0] == 2
    code, said = await livetomo(daemon, "sessions", "list")
    assert (code, "tuesday" in said) == (0, True)
    assert "of 20,000 ribosome" in said
    code, said = await livetomo(daemon, "status")
    assert (code, "of 20,000 ribosome" in said) == (0, True)
