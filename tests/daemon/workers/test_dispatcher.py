"""A lane with a real worker process: what is claimed is made and committed, whatever dies meanwhile."""

import asyncio
import os
import shutil
import signal
from contextlib import asynccontextmanager
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from livetomo.catalog.catalog import CatalogThread
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.tomogram import Arrival, Fault, TomogramId, attempt_name, tomogram_folder
from livetomo.daemon.run import Work
from livetomo.daemon.workers.crash_recovery import recover
from livetomo.daemon.workers.dispatcher import Lane
from livetomo.daemon.workers.process import WorkerProcess, _listen
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.results.folder import intact_manifest
from livetomo.results.marks import write_mark
from livetomo.system.json_pipes import JsonChild
from livetomo.system.sampled_digest import digest_file


class Watched:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.stages: list[str | None] = []
        self.deaths = 0
        self.failures: list[tuple[str, bool]] = []
        self.results: list[str] = []
        self.news = asyncio.Event()

    def began(self, watch, waited_seconds):
        assert 0 <= waited_seconds < 60

    def worker_at(self, device, stage):
        self.stages.append(stage)
        self.news.set()

    def worker_stopped(self, device, *, died):
        self.deaths += died

    def finished(self, manifest):
        self.results.append(manifest.tomogram.name)

    def failed(self, watch, kind, *, final):
        self.failures.append((kind, final))
        self.news.set()

    async def until(self, what):
        async with asyncio.timeout(60):
            while not what(self):
                self.news.clear()
                await self.news.wait()


class House:
    """A catalog on disk, a watched folder and an output folder, and one lane over them."""

    def __init__(self, folder: Path, thread: CatalogThread, job_time_limit: float) -> None:
        self.root, self.output, self.catalog, self.observer = folder / "in", folder / "out", thread, Watched()
        self.root.mkdir(exist_ok=True)
        self.lane = Lane(
            "cpu",
            lanes=1,
            catalog=thread,
            output=str(self.output),
            claim=lambda catalog, device: catalog.jobs.claim(device, 60, ["krios1"]),
            spec_of=self.spec_of,
            job_time_limit=job_time_limit,
            metrics=self.observer,
        )

    @property
    def worker_pid(self) -> int | None:
        child = self.lane._worker._child
        return child and child.pid

    def spec_of(self, claim) -> JobSpec:
        recipe = Recipe.model_validate(claim.settings)
        path = self.root / claim.path
        return JobSpec(claim.tomogram, claim.revision, path, claim.content, claim.recipe_name, recipe, 10.0)

    async def land(self, name: str = "TS_01", shape=(24, 48, 48)) -> TomogramId:
        path = self.root / f"{name}.mrc"
        noise = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        with mrcfile.new(path, overwrite=True) as file:
            file.set_data(noise)
            file.voxel_size = 20.0
        who = TomogramId("krios1", "monday", name)
        arrival = Arrival(who, path.name, digest_file(path), "generic")
        await self.catalog(lambda catalog: catalog.arrivals.take(arrival, "untrained", load_recipe("untrained")))
        return who

    async def states(self) -> list[str]:
        query = "SELECT state FROM jobs ORDER BY id"
        return await self.catalog(lambda catalog: [row["state"] for row in catalog.db.query(query)])

    async def until(self, *states: str) -> None:
        async with asyncio.timeout(60):
            while await self.states() != list(states):
                bell = self.catalog.bell
                if await self.states() != list(states):
                    await bell.wait()

    def folders(self, who: TomogramId) -> list[str]:
        return sorted(path.name for path in tomogram_folder(str(self.output), who).glob("*"))


@asynccontextmanager
async def house_in(folder: Path, *, running: bool = True, job_time_limit: float = 60.0):
    thread = CatalogThread(folder / "catalog.sqlite", site="here", instance="main")
    await thread.open()
    house = House(folder, thread, job_time_limit)
    task = asyncio.create_task(house.lane.run()) if running else None
    try:
        yield house
    finally:
        if task:
            task.cancel()
            await asyncio.wait([task])
        await thread.close()


async def test_what_lands_is_made_and_committed_whole(tmp_path):
    async with house_in(tmp_path) as house:
        who = await house.land()
        await house.until("done")
        (result,) = house.folders(who)
        manifest = intact_manifest(tomogram_folder(str(house.output), who) / result)
        assert manifest.tomogram.name == "TS_01"
        assert house.observer.results == ["TS_01"]
        assert {"read", "segment", "pick", "write"} <= set(house.observer.stages)


async def test_an_output_that_goes_away_while_a_tomogram_is_processed_is_not_written_to(tmp_path):
    async with house_in(tmp_path, running=False) as house:
        write_mark(house.output, "right")
        house.lane.mark_for = lambda folder: {"place": str(house.output), "mark": "right"}
        shutil.rmtree(house.output)
        house.output.mkdir()  # the empty mount point
        who = await house.land()
        claim = await house.catalog(lambda catalog: catalog.jobs.claim("cpu", 60, ["krios1"]))
        await house.lane._worker.ensure()
        fault = await house.lane._make(claim, tomogram_folder(str(house.output), who) / ".attempt-x")
        await house.lane._worker.stop()
        assert (fault.kind, fault.reason) == ("transient", "output away")
        assert list(house.output.iterdir()) == []


async def test_a_worker_killed_in_the_middle_costs_nothing_but_time(tmp_path):
    async with house_in(tmp_path) as house:
        who = await house.land(shape=(96, 160, 160))
        await house.observer.until(lambda seen: "segment" in seen.stages)
        os.kill(house.worker_pid, signal.SIGKILL)
        await house.until("done")
        assert house.observer.failures == [("device", False)]
        assert house.observer.deaths == 1
        assert len(house.folders(who)) == 1


async def test_a_file_that_is_gone_is_tried_again_and_the_line_moves_on(tmp_path):
    async with house_in(tmp_path) as house:
        await house.land("TS_01")
        (house.root / "TS_01.mrc").unlink()
        await house.land("TS_02")
        await house.until("waiting", "done")
        assert house.observer.failures == [("transient", False)]


async def test_what_another_attempt_at_the_same_tomogram_is_writing_is_left_alone(tmp_path):
    async with house_in(tmp_path) as house:
        theirs = tomogram_folder(str(house.output), TomogramId("krios1", "monday", "TS_01")) / attempt_name("0" * 32)
        theirs.mkdir(parents=True)
        who = await house.land("TS_01")
        await house.until("done")
        assert theirs.name in house.folders(who)


async def test_a_job_past_its_time_limit_is_stopped(tmp_path):
    async with house_in(tmp_path, job_time_limit=0.2) as house:
        await house.land(shape=(128, 256, 256))
        await house.observer.until(lambda seen: seen.failures)
        assert house.observer.failures == [("transient", False)]
        assert await house.states() == ["waiting"]


async def test_a_worker_that_says_nothing_any_more_is_killed_and_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("livetomo.daemon.workers.process.SILENCE_SECONDS", 3.0)
    async with house_in(tmp_path) as house:
        await house.land(shape=(96, 160, 160))
        await house.observer.until(lambda seen: "read" in seen.stages)
        wedged = house.worker_pid
        os.kill(wedged, signal.SIGSTOP)
        await house.observer.until(lambda seen: seen.failures)
        assert house.observer.failures == [("device", False)]
        assert house.observer.deaths == 1
        assert house.worker_pid != wedged


async def test_what_a_dead_worker_has_started_and_holds_its_pipes_open_does_not_hold_up_its_replacement(monkeypatch):
    monkeypatch.setattr("livetomo.daemon.workers.process.REAP_SECONDS", 0.01)
    pids: list[int] = []
    child = await JsonChild.start(
        ["sh", "-c", "setsid sleep 60 & echo $! >&2"], log=lambda line: pids.append(int(line))
    )
    worker = WorkerProcess("cpu", workers=1)
    worker._child, worker._reader = child, asyncio.create_task(_listen(child, asyncio.Queue()))
    while not pids or child.returncode is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await worker.stop()
    os.kill(pids[0], signal.SIGKILL)
    await child.wait()


async def test_a_clean_stop_gives_the_running_job_back_and_leaves_nothing_behind(tmp_path):
    async with house_in(tmp_path) as house:
        who = await house.land(shape=(96, 160, 160))
        await house.observer.until(lambda seen: "segment" in seen.stages)
        token = (await house.catalog(lambda catalog: catalog.jobs.running()))[0].token
    async with house_in(tmp_path, running=False) as house:
        assert await house.states() == ["waiting"]
        assert house.folders(who) == []
        assert not await house.catalog(lambda catalog: catalog.jobs.holds(token))


@pytest.fixture
async def claimed(tmp_path):
    """A job that was leased by a daemon which then died."""
    async with house_in(tmp_path, running=False) as house:
        who = await house.land()
        claim = await house.catalog(lambda catalog: catalog.jobs.claim("cpu", 60, ["krios1"]))
        yield house, who, claim


async def test_after_the_daemons_death_a_half_made_attempt_is_swept_and_made_again(claimed):
    house, who, claim = claimed
    attempt = tomogram_folder(str(house.output), who) / attempt_name(claim.token)
    attempt.mkdir(parents=True)
    (attempt / "result.json").write_text('{"half')
    await recover(house.catalog, str(house.output))
    assert house.folders(who) == []
    assert await house.states() == ["waiting"]


async def test_lanes_begin_when_what_the_last_run_left_is_settled(claimed):
    """Otherwise a lease of this run could be taken for one of the last, and be given back while its job runs."""
    house, _, _ = claimed
    found = []

    class Begins:
        async def run(self):
            found.append(await house.states())

    await Work(house.catalog, str(house.output), [Begins()]).run()
    assert found == [["waiting"]]


async def test_a_result_that_was_moved_but_not_recorded_is_adopted(claimed):
    from livetomo.processing.pipeline import run as pipeline

    house, who, claim = claimed
    final = tomogram_folder(str(house.output), who) / f"r1-{claim.recipe_hash[:8]}"
    await asyncio.to_thread(pipeline.run, house.spec_of(claim), final)
    await recover(house.catalog, str(house.output))
    assert await house.states() == ["done"]
    kinds = [r.event.kind for r in await house.catalog.events_after(0, 100)]
    assert kinds.count("result") == 1


async def test_a_result_that_was_moved_but_is_not_whole_is_made_again(claimed):
    from livetomo.processing.pipeline import run as pipeline

    house, who, claim = claimed
    final = tomogram_folder(str(house.output), who) / f"r1-{claim.recipe_hash[:8]}"
    await asyncio.to_thread(pipeline.run, house.spec_of(claim), final)
    star = next((final / "picks").iterdir())
    star.write_text(star.read_text()[:-10])
    await recover(house.catalog, str(house.output))
    assert await house.states() == ["waiting"]
    task = asyncio.create_task(house.lane.run())
    await house.until("done")
    task.cancel()
    await asyncio.wait([task])
    assert intact_manifest(final) is not None
    assert house.folders(who) == [final.name]


async def test_nothing_is_reported_of_a_result_that_could_not_be_put_in_its_place(claimed, monkeypatch):
    from livetomo.processing.pipeline import run as pipeline

    def refuse(attempt, final):
        raise PermissionError("no entry")

    house, who, claim = claimed
    attempt = tomogram_folder(str(house.output), who) / attempt_name(claim.token)
    await asyncio.to_thread(pipeline.run, house.spec_of(claim), attempt)
    monkeypatch.setattr("livetomo.daemon.workers.dispatcher.install", refuse)
    await house.lane._commit(claim, attempt)
    assert [r.event.version for r in await house.catalog.events_after(0, 100)] == ["waiting.1", "running.1"]
    assert await house.states() == ["waiting"]
    assert house.folders(who) == []


async def test_what_a_worker_of_another_version_writes_costs_an_attempt_and_is_not_put_in_its_place(claimed):
    house, who, claim = claimed
    attempt = tomogram_folder(str(house.output), who) / attempt_name(claim.token)
    attempt.mkdir(parents=True)
    (attempt / "result.json").write_text('{"schema": 2}')
    await house.lane._commit(claim, attempt)
    assert house.observer.failures == [("transient", False)]
    assert await house.states() == ["waiting"]
    assert house.folders(who) == []


async def test_a_zombie_that_finishes_late_changes_nothing(claimed):
    from livetomo.processing.pipeline import run as pipeline
    from livetomo.results.folder import install

    house, who, claim = claimed
    await house.catalog(lambda c: c.jobs.fail(claim.token, Fault("device", "worker silent", "It was silent.")))
    second = await house.catalog(lambda c: c.jobs.claim("cpu", 60, ["krios1"]))
    folder = tomogram_folder(str(house.output), who)
    final = folder / f"r1-{claim.recipe_hash[:8]}"
    for each in (claim, second):
        await asyncio.to_thread(pipeline.run, house.spec_of(each), folder / attempt_name(each.token))
    manifest = await asyncio.to_thread(install, folder / attempt_name(second.token), final)
    assert await house.catalog(lambda c: c.jobs.commit(second.token, manifest, str(final)))
    published = (final / "result.json").read_bytes()
    await house.lane._commit(claim, folder / attempt_name(claim.token))
    assert house.observer.results == house.observer.failures == []
    assert (final / "result.json").read_bytes() == published
    assert house.folders(who) == [final.name]
