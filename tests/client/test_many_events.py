"""A hundred thousand events, with superseded and excluded sets among them: the count at the end is exact."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from livetomo.core.events import Event, result_events, state_event
from livetomo.core.tomogram import TomogramId
from livetomo.formats.star import read_loops
from tests.client.test_follow import Facility, collected
from tests.publish.event_logs import RECIPE_HASH, manifest
from tests.servers import Mosquitto
from tests.web.site import SESSION, FakeDaemon

TOMOGRAMS = 20_000


def events_of(number: int) -> Iterator[Event]:
    """Five events of each tomogram; every tenth is superseded by a second revision, every hundredth taken out."""
    name = f"TS_{number:05}"
    who = TomogramId("krios1", SESSION, name)
    for revision in (1, 2) if number % 10 == 0 else (1,):
        result_id = f"{name}.{revision}"
        yield state_event(who, revision, RECIPE_HASH, "waiting")
        yield state_event(who, revision, RECIPE_HASH, "running")
        picks = number % 4 + revision - 1
        yield from result_events(manifest(name, picks=picks, revision=revision, result_id=result_id), "/out")
        yield state_event(who, revision, RECIPE_HASH, "done")
        if number % 100 == 1 or (revision == 1 and number % 10 == 0):
            body = {"result_id": result_id, "reason": "superseded or excluded"}
            yield Event("retracted", who, revision, RECIPE_HASH, "superseded", body)


def expected() -> dict[str, int]:
    counts = {}
    for number in range(TOMOGRAMS):
        if picks := 0 if number % 100 == 1 else number % 4 + (number % 10 == 0):
            counts[f"TS_{number:05}"] = picks
    return counts


def position(folder: Path) -> int:
    """Up to which event the follower has stored what it has."""
    state = folder / "follow.json"
    return int(json.loads(state.read_text())["position"]) if state.exists() else 0


@pytest.mark.slow
async def test_a_hundred_thousand_events_are_caught_up_with_through_kills_and_counted_exactly(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    daemon = FakeDaemon(tmp_path / "out")
    log = daemon.catalog.event_log
    with daemon.catalog.db.atomic():
        for number in range(TOMOGRAMS):
            for event in events_of(number):
                log.append(event)
    assert log.last() > 100_000
    log.move_cursor("mqtt", log.last())  # the broker has forgotten them long ago
    facility = Facility(daemon, mosquitto.port)
    begun = time.monotonic()
    for least in (20_000, 60_000):
        async with facility.followed(tmp_path / "sta", "--all", seconds=200) as process:
            assert process.stdout is not None
            while position(tmp_path / "sta") < least:
                for _ in range(200):  # the state holds all that is collected: it is not read for each line
                    await process.stdout.readline()
            process.kill()
    print(f"killed twice, after {time.monotonic() - begun:.0f} s")
    there = TOMOGRAMS - TOMOGRAMS // 100
    async with facility.followed(tmp_path / "sta", "--all", seconds=200) as process:
        said = []
        await facility.makes("the_last_one", picks=3)
        while "/the_last_one: 3 picks" not in (said[-1] if said else ""):
            assert process.stdout is not None
            said.append((await process.stdout.readline()).decode())
        assert said[-1].endswith(f"in {there + 1:,} tomograms)\n"), said[-1]
    print(f"caught up with after {time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}")
    async with facility.followed(tmp_path / "sta", "--tomograms", str(there + 1), seconds=60) as process:
        await process.communicate()
    assert collected(tmp_path / "sta") == expected() | {"the_last_one": 3}
    rows = read_loops(tmp_path / "sta" / "krios1" / SESSION / "ribosome.star")["particles"]
    columns = ("rlnTomoName", *(f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"))
    positions = Counter(zip(*(rows[column] for column in columns), strict=True))
    assert set(positions.values()) == {1}
    await facility.close()
