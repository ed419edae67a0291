"""A tomogram lands, and its picks are published: once, whatever happens in between."""

import asyncio
import json
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.servers import need


@pytest.fixture
async def subscriber(mosquitto):
    """Mosquitto's own subscriber to everything, a line for each message."""
    process = await asyncio.create_subprocess_exec(
        *(need("mosquitto_sub", "mosquitto-clients"), "-V", "mqttv5", "-p", str(mosquitto.port), "-q", "1"),
        *("-t", "livetomo/#", "-F", "%t %p"),
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    yield process
    process.kill()
    await process.wait()


async def test_a_file_that_is_copied_slowly_is_published_exactly_once_over_mqtt_5(daemon, subscriber, data):
    await daemon.start()
    content = (data / "real" / "tomo_171.mrc").read_bytes()
    await daemon.land_slowly("tomo_171", content, seconds=10)
    heard: list[tuple[str, dict]] = []

    async def hear_until(what) -> None:
        async with asyncio.timeout(60):
            while True:
                topic, _, payload = (await subscriber.stdout.readline()).decode().strip().partition(" ")
                heard.append((topic, json.loads(payload) if payload.startswith("{") else {"word": payload}))
                if what(*heard[-1]):
                    return

    await hear_until(lambda topic, reported: reported.get("state") == "done")
    await daemon.stop()
    await hear_until(lambda topic, reported: reported.get("word") == "stopped")
    base = "livetomo/here/main/krios1/monday/tomo_171"
    reported = [(topic, payload.get("state")) for topic, payload in heard if topic.startswith(base)]
    assert reported == [
        (f"{base}/state", "waiting"),
        (f"{base}/state", "running"),
        (f"{base}/picks/ribosome", None),
        (f"{base}/result", None),
        (f"{base}/state", "done"),
    ]


async def test_a_daemon_killed_in_the_middle_changes_neither_the_count_nor_the_content(
    daemon, listener, data, tmp_path
):
    def content(folder: Path) -> dict[str, bytes]:
        stars = sorted(folder.rglob("*.star"))
        return {str(path.relative_to(folder)): path.read_bytes() for path in stars}

    await daemon.start(crash_at="pick")
    shutil.copyfile(data / "real" / "tomo_171.mrc", _session(daemon.root) / "tomo_171.mrc")
    await daemon.crashed()
    await daemon.kill()
    await daemon.start()
    await listener.until(lambda heard: heard.states("done"))
    assert listener.results() == ["tomo_171"]
    (folders,) = daemon.results().values()
    assert len(folders) == 1
    (picks,) = listener.events("picks").values()
    rows = (folders[0] / "picks" / "ribosome.relion5.star").read_text().splitlines()
    assert picks["count"] == sum(row.startswith("tomo_171 ") or row.split()[:1] == ["tomo_171"] for row in rows)
    undisturbed = tmp_path / "undisturbed"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livetomo", "process", str(data / "real" / "tomo_171.mrc")),
        *("--recipe", "untrained", "--output", str(undisturbed)),
    )
    assert await process.wait() == 0
    (other,) = undisturbed.glob("*/*/tomograms/*/r*")
    assert content(folders[0]) == content(other)


async def test_bad_files_are_put_aside_with_one_clear_sentence_and_the_next_good_one_goes_through(daemon, listener):
    import numpy as np

    from tests.volumes import balls, write_tomogram

    session = _session(daemon.root)
    good = write_tomogram(daemon.folder / "good.mrc", balls((16, 40, 40), ((8, 20, 20),)))
    (session / "truncated.mrc").write_bytes(good.read_bytes()[:-1000])
    (session / "notes.mrc").write_text("These are notes.\n" * 100)
    huge = bytearray(good.read_bytes())
    huge[0:12] = np.array([10_000, 10_000, 10_000], "<i4").tobytes()
    (session / "huge.mrc").write_bytes(huge)
    write_tomogram(session / "nothing.mrc", np.full((16, 40, 40), np.nan, np.float32))
    write_tomogram(session / "scaleless.mrc", balls((16, 40, 40), ((8, 20, 20),)), voxel_size=0.0)
    await daemon.start()
    await listener.until(lambda heard: len(heard.states("failed")) == 4 and len(heard.states("done")) == 1)
    daemon.land("next")
    await listener.until(lambda heard: len(heard.states("done")) == 2)
    reasons = {e["tomogram"]: e["fault"]["reason"] for e in listener.events("state").values() if e.get("fault")}
    assert reasons == {
        "truncated": "truncated volume",
        "notes": "not an MRC file",
        "huge": "absurd header",
        "nothing": "no usable voxels",
    }
    for event in listener.events("state").values():
        if event.get("fault"):
            assert re.fullmatch(r"[^\n]{30,300}", event["fault"]["message"])
            assert "Traceback" not in event["fault"]["message"]
    (scaleless,) = [e for e in listener.events("result").values() if e["tomogram"] == "scaleless"]
    assert any("Voxel size" in warning for warning in scaleless["warnings"])


async def test_a_clean_stop_says_so_and_a_killed_daemon_leaves_its_will(daemon, listener):
    await daemon.start()
    await listener.until(lambda heard: heard.words == ["online"])
    assert await daemon.stop() == 0
    await listener.until(lambda heard: heard.words == ["online", "stopped"])
    await daemon.start()
    await listener.until(lambda heard: heard.words[2:] == ["online"])
    await daemon.kill()
    await listener.until(lambda heard: heard.words[3:] == ["offline"])


async def test_a_second_daemon_on_the_same_state_is_refused(daemon, listener):
    await daemon.start()
    await listener.until(lambda heard: heard.words == ["online"])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "livetomo", "run", str(daemon.configuration)), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 5
    assert b"in use by another livetomo daemon" in said


async def test_the_supervisor_stays_small_and_never_loads_torch(daemon, listener):
    await daemon.start()
    daemon.land("TS_01")
    await listener.until(lambda heard: heard.states("done"))
    assert "torch" not in daemon.proc("maps")
    peak = re.search(r"VmHWM:\s+(\d+) kB", daemon.proc("status"))
    assert int(peak[1]) < 100_000


async def test_nothing_is_ever_written_into_the_watched_tree(daemon, listener):
    daemon.land("TS_01")
    before = _listing(daemon.root)
    await daemon.start()
    await listener.until(lambda heard: heard.states("done"))
    await daemon.stop()
    assert _listing(daemon.root) == before


def _session(root: Path) -> Path:
    folder = root / "monday"
    folder.mkdir(exist_ok=True)
    return folder


def _listing(root: Path) -> list[tuple[str, int, int]]:
    return sorted((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in [root, *root.rglob("*")])


@pytest.mark.parametrize("point", ["arrived", "taken", "claimed", "moved", "committed", "acknowledged"])
async def test_a_supervisor_that_dies_at_any_point_loses_nothing_and_repeats_nothing(daemon, listener, point):
    daemon.land("TS_01")
    daemon.land("TS_02", seed=1)
    await daemon.start(crash_at=point)
    assert await daemon.ended() == -9
    await daemon.start()
    await listener.until(lambda heard: len(heard.states("done")) == 2)
    assert sorted(listener.results()) == ["TS_01", "TS_02"]
    assert {name: len(folders) for name, folders in daemon.results().items()} == {"TS_01": 1, "TS_02": 1}
    assert daemon.leftovers() == []
    numbers = [event["seq"] for event in listener.events().values()]
    assert numbers == sorted(numbers) == list(range(1, len(numbers) + 1))
    reported = [record["message"] for record in daemon.records()]
    since_start = reported[len(reported) - reported[::-1].index("started") :]
    # What the last run left is settled first: a lease of this run is not taken for one of it.
    assert not {"adopted", "taken up again"} & set(since_start[since_start.index("done") :])


@pytest.mark.parametrize("point", ["read", "segment", "write", "made"])
async def test_a_worker_that_dies_at_any_point_costs_one_attempt_and_no_result(daemon, listener, point):
    daemon.land("TS_01")
    await daemon.start(crash_at=point)
    await listener.until(lambda heard: heard.states("done"))
    assert not daemon.crash_file.exists()
    assert listener.results() == ["TS_01"]
    assert len(daemon.results()["TS_01"]) == 1
    assert daemon.leftovers() == []
