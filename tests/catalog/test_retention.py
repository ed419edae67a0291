"""Old maps go where a person has asked for it; picks, pictures and everybody else's files stay."""

import asyncio
import os
import threading
from contextlib import suppress

import pytest

from livetomo.daemon.retention import AT_A_TIME, RetentionTask, remove_maps
from livetomo.results.folder import damage, intact_manifest
from livetomo.results.manifest import write_manifest
from tests.catalog import conftest
from tests.publish.event_logs import manifest


@pytest.fixture
def result(tmp_path):
    folder = tmp_path / "r1-00000000"
    (folder / "picks").mkdir(parents=True)
    (folder / "picks" / "ribosome.relion5.star").write_text("data_\n")
    (folder / "labels.mrc").write_bytes(bytes(3000))
    (folder / "denoised.mrc").write_bytes(bytes(5000))
    write_manifest(folder, manifest())
    return folder


def names(folder) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_maps_are_removed_and_the_result_still_counts_as_it_was_published(result):
    assert remove_maps(result) == 8000
    assert names(result) == {"result.json", "removed.json", "ribosome.relion5.star"}
    assert list(damage(result)) == []
    assert intact_manifest(result) is not None
    assert remove_maps(result) == 0


def test_what_livetomo_did_not_write_is_not_touched(result):
    (result / "mine.mrc").write_bytes(bytes(10))
    (result / "labels.mrc").write_bytes(bytes(4))
    remove_maps(result)
    assert {"mine.mrc", "labels.mrc"} <= names(result)


def test_a_file_that_went_missing_otherwise_is_still_damage(result):
    remove_maps(result)
    (result / "picks" / "ribosome.relion5.star").unlink()
    assert len(list(damage(result))) == 1


async def test_only_results_that_are_old_enough_are_dealt_with_and_only_once(catalog, clock, recipe, result, tmp_path):
    for number in range(2):
        catalog.arrivals.take(conftest.arrival(f"TS_{number}"), "untrained", recipe)
        claim = catalog.jobs.claim("cpu", 60, ["krios1"])
        folder = result if number == 0 else tmp_path / "young"
        catalog.jobs.commit(claim.token, conftest.manifest(claim), str(folder))
        clock.pass_(1000)

    async def thread(deed):
        return deed(catalog)

    retention = RetentionTask(thread, keep_maps_seconds=1500)
    assert await retention.look() == 1
    assert await retention.look() == 0 < AT_A_TIME
    assert "labels.mrc" not in names(result)
    clock.pass_(1000)
    assert await retention.look() == 1, "a folder that somebody has removed is dealt with like any other"
    assert await retention.look() == 0


async def test_an_output_that_hangs_does_not_keep_the_daemon_from_ending(result):
    (result / "result.json").unlink()
    os.mkfifo(result / "result.json")  # a process that opens it waits for ever

    async def thread(deed):
        return [str(result)]

    before = set(threading.enumerate())
    looking = asyncio.create_task(RetentionTask(thread, keep_maps_seconds=0).look())
    await asyncio.sleep(0.2)
    assert not looking.done()
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    assert [thread.daemon for thread in set(threading.enumerate()) - before] == [True]
    (result / "result.json").write_text("{}")  # lets the thread go
