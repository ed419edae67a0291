"""Results are written to the file system that they belong to, by one daemon for each watch, or not at all."""

import asyncio
import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from livetomo.catalog.database import lock_state
from livetomo.config.configuration import Config
from livetomo.core.errors import OutputBusy
from livetomo.core.problems import Problem
from livetomo.daemon.outputs import SILENT_SECONDS, Outputs, Reached, newest_record, places, why_state_is_absent
from livetomo.results.marks import HEARTBEAT_SECONDS, MARKS, read_mark, read_record, record_path


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Daemon:
    """A daemon's hold on its folders: its configuration, what its catalog knows, its clock."""

    def __init__(self, folder: Path, name: str = "main", watches: tuple[str, ...] = ("krios1",), **more) -> None:
        self.output = folder / "out"
        state = folder / f"state-{more.pop('state', name)}"
        state.mkdir(exist_ok=True)
        self.config = Config.model_validate(
            {
                "site": "here",
                "instance": name,
                "state": state,
                "output": more.pop("output", str(self.output)),
                "watch": [{"name": watch, "path": folder / watch, **more.pop("watch", {})} for watch in watches],
            }
        )
        self.clock = more.pop("clock", Clock())
        self.known = Reached(f"catalog-{state.name}", "epoch", 7, "seventh")
        self.outputs = self.started(**more)

    def started(self, **more) -> Outputs:
        async def reached() -> Reached:
            return self.known

        names = [watch.name for watch in self.config.watch]
        return Outputs(self.config, reached, lambda: names, clock=self.clock, **more)

    async def look(self, outputs: Outputs | None = None) -> str:
        outputs = outputs or self.outputs
        await outputs.look()
        return " ".join(problem.message for problem in outputs.problems())


def result(output: Path, name: str = "TS_01") -> Path:
    folder = output / "krios1" / "monday" / "tomograms" / name / "r1-00000000"
    folder.mkdir(parents=True)
    return folder


def unmounted(place: Path, to: Path) -> None:
    """What is left where something was mounted: an empty folder."""
    place.rename(to)
    place.mkdir()


def mounted(place: Path, where: Path) -> None:
    shutil.rmtree(place)
    where.rename(place)


async def test_a_folder_that_was_never_used_is_marked_and_taken(tmp_path):
    daemon = Daemon(tmp_path)
    assert await daemon.look() == ""
    assert daemon.outputs.ready
    assert read_mark(daemon.output)
    assert newest_record(daemon.config).seq == 7


@pytest.mark.parametrize("when", ["at the start", "while running"])
@pytest.mark.parametrize("has", ["results", "nothing yet"])
async def test_an_output_that_is_not_mounted_is_waited_for_and_nothing_is_written_below_it(tmp_path, when, has):
    daemon = Daemon(tmp_path)
    await daemon.look()
    if has == "results":
        daemon.known = Reached("catalog-main", "epoch", 8, "eighth", (str(result(daemon.output)),))
    unmounted(daemon.output, tmp_path / "away")
    outputs = daemon.started() if when == "at the start" else daemon.outputs
    for _ in range(3):
        daemon.clock.seconds += 2 * HEARTBEAT_SECONDS
        assert "is not the file system that results were written to" in await daemon.look(outputs)
    assert not outputs.ready
    assert list(daemon.output.iterdir()) == []
    (problem,) = outputs.problems()
    assert (problem.name, problem.severity, problem.blocks_ready) == ("folder-output", "critical", True)
    assert isinstance(problem, Problem)
    mounted(daemon.output, tmp_path / "away")
    assert await daemon.look(outputs) == ""
    written = outputs.mark_for(daemon.output / "krios1" / "monday" / "tomograms" / "TS_02")
    assert written == {"place": str(daemon.output), "mark": read_mark(daemon.output)}


async def test_a_folder_that_was_removed_is_said_to_be_gone(tmp_path):
    daemon = Daemon(tmp_path)
    await daemon.look()
    daemon.known = Reached("catalog-main", "epoch", 8, "eighth", (str(result(daemon.output)),))
    daemon.output.rename(tmp_path / "elsewhere")
    said = await daemon.look()
    assert f"{daemon.output} is gone, and results were written to it. Was it removed" in said
    assert "was on" not in said
    daemon.output.mkdir()
    assert "was on" not in await daemon.look(), "one file system is not another than itself"
    memory = daemon.config.state / "folders.json"
    memory.write_text(
        json.dumps(json.loads(memory.read_text()) | {"folders": {str(daemon.output): {"mount": "nfs4 a:/b"}}})
    )
    assert "and was on nfs4 a:/b. Is something not mounted?" in await daemon.look()


async def test_another_file_system_in_its_place_is_distinguished_from_a_copy_of_it(tmp_path):
    daemon = Daemon(tmp_path)
    await daemon.look()
    folder = result(daemon.output)
    daemon.known = Reached("catalog-main", "epoch", 8, "eighth", (str(folder),))
    shutil.copytree(daemon.output, tmp_path / "whole copy")
    shutil.copytree(daemon.output, tmp_path / "only results", ignore=shutil.ignore_patterns(MARKS))
    other = Daemon(tmp_path / "whole copy" / "..", "other", output=str(tmp_path / "strange"))
    await other.look()
    for name, is_same in (("strange", False), ("whole copy", True), ("only results", True)):
        shutil.rmtree(daemon.output)
        shutil.copytree(tmp_path / name, daemon.output)
        shutil.rmtree(daemon.output / MARKS / "x", ignore_errors=True)
        outputs = daemon.started()
        assert (await daemon.look(outputs) == "") == is_same, name
        assert outputs.ready == is_same


async def test_the_first_start_of_this_version_looks_for_the_results_that_the_catalog_knows(tmp_path):
    daemon = Daemon(tmp_path)
    daemon.output.mkdir()
    daemon.known = Reached("catalog-main", "epoch", 8, "eighth", (str(daemon.output / "krios1" / "gone"),))
    assert "Is something not mounted" in await daemon.look()
    assert list(daemon.output.iterdir()) == []
    (daemon.output / "krios1" / "gone").mkdir(parents=True)
    assert await daemon.look() == ""


def obey(said: str) -> None:
    Path(said.split("write {} into ")[1].split(",")[0]).write_text("{}")


async def test_a_person_can_say_that_it_was_replaced_on_purpose(tmp_path):
    daemon = Daemon(tmp_path)
    await daemon.look()
    daemon.known = Reached("catalog-main", "epoch", 8, "eighth", (str(result(daemon.output)),))
    unmounted(daemon.output, tmp_path / "old")
    obey(await daemon.look())
    assert await daemon.look(daemon.started()) == ""


async def test_two_daemons_share_an_output_for_different_watches(tmp_path):
    one, other = Daemon(tmp_path, "one", ("krios1", "krios2")), Daemon(tmp_path, "other", ("glacios",))
    with lock_state(one.config.state), lock_state(other.config.state):
        for _ in range(2):
            assert await one.look() == await other.look() == ""


@pytest.mark.parametrize("watches", [("krios1",), ("glacios", "krios1")])
async def test_two_daemons_on_one_output_for_the_same_watch_are_refused_by_name(tmp_path, watches):
    one, other = Daemon(tmp_path, "one", ("krios1", "krios2")), Daemon(tmp_path, "other", watches)
    with lock_state(one.config.state):
        assert await one.look() == ""
        with pytest.raises(OutputBusy, match=r'in use by another.*instance "one".*for the watches krios1\.') as refusal:
            await other.look()
        assert refusal.value.exit_code == 5
    assert await other.look() == "", "it has ended"
    with lock_state(one.config.state), lock_state(other.config.state):
        assert "in use by another" in await one.look(), "and must not come back: it was at work, and waits now"


async def test_two_states_of_the_same_name_are_two_daemons(tmp_path):
    one, other = Daemon(tmp_path, "main", state="one"), Daemon(tmp_path, "main", state="other")
    with lock_state(one.config.state):
        await one.look()
        with pytest.raises(OutputBusy, match="state-one"):
            await other.look()


async def test_a_daemon_of_another_machine_is_watched_for_a_sign_of_life(tmp_path):
    """Its lock cannot be seen from here."""
    far = Daemon(tmp_path, "far", machine="elsewhere")
    await far.look()
    near = Daemon(tmp_path, "near", clock=far.clock)
    assert "It is watched" in await near.look()
    far.clock.seconds += HEARTBEAT_SECONDS
    await far.look()
    with pytest.raises(OutputBusy, match="on elsewhere"):
        await near.look()
    gone = Daemon(tmp_path, "gone", clock=far.clock)
    for passed in (0.0, SILENT_SECONDS / 2):
        far.clock.seconds += passed
        assert "It is watched" in await gone.look()
        assert not gone.outputs.ready
    far.clock.seconds += SILENT_SECONDS
    assert await gone.look() == ""


async def test_a_daemon_that_starts_again_waits_for_nobody(tmp_path):
    daemon = Daemon(tmp_path)
    await daemon.look()
    with lock_state(daemon.config.state):
        assert await daemon.look(daemon.started()) == ""
    assert await daemon.look(daemon.started(machine="a container that was made anew")) == ""


async def test_a_state_that_was_copied_to_another_machine_is_noticed_by_the_first(tmp_path):
    one = Daemon(tmp_path, machine="first")
    await one.look()
    clone = one.started(machine="second")
    assert await one.look(clone) == "", "at that time nothing distinguishes it from a container that was made anew"
    assert "watched" in await one.look()


async def test_what_lies_in_a_watched_tree_is_never_marked(tmp_path):
    root = tmp_path / "krios1"
    root.mkdir()
    for output, watch in (
        (f"{root}/{{session}}/livetomo", {"exclude": ["*/livetomo/**"]}),
        (f"{tmp_path}/{{watch}}/{{session}}/livetomo", {"exclude": ["*/livetomo/**"]}),
    ):
        daemon = Daemon(tmp_path, output=output, watch=watch)
        assert await daemon.look() == ""
        assert list(root.iterdir()) == []
        daemon.known = Reached("c", "e", 1, "x", (str(root / "monday" / "livetomo" / "gone"),))
        assert "does not hold the last results" in await daemon.look()


@pytest.mark.parametrize("how", ["removed", "replaced", "moved away"])
async def test_a_catalog_that_is_not_the_one_that_was_opened_is_said(tmp_path, how):
    daemon = Daemon(tmp_path)
    catalog = daemon.config.state / "catalog.sqlite"
    catalog.write_text("opened")
    assert await daemon.look() == ""
    kept = catalog.with_name("kept")
    catalog.rename(kept)
    if how == "replaced":
        catalog.write_text("another")
    assert "is not the catalog that this daemon works with" in await daemon.look()
    assert [problem.name for problem in daemon.outputs.problems()] == ["folder-state"]
    kept.replace(catalog)
    assert await daemon.look() == ""


async def test_an_output_that_hangs_is_asked_once_until_it_answers(tmp_path, monkeypatch):
    monkeypatch.setattr("livetomo.daemon.outputs.ANSWER_SECONDS", 0.02)
    daemon = Daemon(tmp_path)
    asked, answers = [], threading.Event()

    def hangs(folder: Path) -> str | None:
        asked.append(folder)
        answers.wait(20)
        return read_mark(folder)

    monkeypatch.setattr("livetomo.daemon.outputs.read_mark", hangs)
    for _ in range(3):
        await daemon.outputs.look()
    assert len(asked) == 1
    assert not daemon.outputs.ready
    assert list(daemon.outputs.problems()) == [], "who looks for room says so"
    answers.set()
    monkeypatch.setattr("livetomo.daemon.outputs.ANSWER_SECONDS", 5)
    await daemon.outputs.look()
    assert daemon.outputs.ready


@pytest.mark.parametrize("when", ["at the start", "later"])
async def test_a_watch_that_hangs_holds_up_no_output(tmp_path, monkeypatch, when):
    daemon = Daemon(tmp_path, watches=("krios1", "krios2"))
    if when == "later":
        await daemon.look()
    resolve, answers = Path.resolve, threading.Event()

    def hangs(path: Path, *more) -> Path:
        if path == tmp_path / "krios1":
            answers.wait(20)
        return resolve(path, *more)

    monkeypatch.setattr(Path, "resolve", hangs)
    began = time.monotonic()
    assert await daemon.look() == ""
    assert time.monotonic() - began < 5
    assert daemon.outputs.ready
    answers.set()


async def test_a_catalog_that_cannot_be_asked_makes_nothing_ready(tmp_path, monkeypatch):
    monkeypatch.setattr("livetomo.daemon.outputs.ASK_SECONDS", 0.01)

    async def never() -> Reached:
        await asyncio.Event().wait()
        raise AssertionError

    daemon = Daemon(tmp_path)
    outputs = Outputs(daemon.config, never, lambda: ["krios1"])
    await outputs.look()
    assert not outputs.ready


def test_the_folders_of_results_are_the_parts_that_no_session_changes():
    watches = ["krios1", "krios2"]
    assert places("/data/out", watches) == {Path("/data/out"): watches}
    assert places("/data/{watch}/out", watches) == {
        Path("/data/krios1/out"): ["krios1"],
        Path("/data/krios2/out"): ["krios2"],
    }
    assert places("/data/out-{session}/x", watches) == {Path("/data"): watches}


async def test_a_state_that_is_not_mounted_is_known_by_its_results(tmp_path):
    daemon = Daemon(tmp_path)
    await daemon.look()
    catalog = daemon.config.state / "catalog.sqlite"
    record = newest_record(daemon.config)
    said = why_state_is_absent(daemon.config, catalog, record)
    assert "holds no catalog" in said
    assert "livetomo restore" in said
    catalog.touch()
    assert why_state_is_absent(daemon.config, catalog, record) == ""
    catalog.unlink()
    assert why_state_is_absent(daemon.config, catalog, None) == ""
    other = Daemon(tmp_path, "other")
    assert newest_record(other.config) is None


def test_a_record_that_cannot_be_read_is_none(tmp_path):
    for content in ("", "[]", "{}", '{"site": 1}', json.dumps({"watches": 3})):
        path = record_path(tmp_path, "here", "main")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
        assert read_record(path) is None
