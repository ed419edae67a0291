"""A follower that curates has the rows that `livetomo picks` has by the same options, whatever happens meanwhile."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import starfile
from click.testing import CliRunner

import livetomo.client
from livetomo.cli.curation import curation_options
from livetomo.cli.picks import command as picks_command
from livetomo.client.pickset import PickSet
from livetomo.config.curation import Curation
from livetomo.core.tomogram import TomogramId, result_name, session_folder, tomogram_folder
from livetomo.processing.pipeline import run as pipeline
from livetomo.results.session_facts import SessionFacts
from tests.cli.test_curated_picks import ONE, RECIPE, THREE, TWO, A, B, C
from tests.client.test_follow import Facility, facility, line
from tests.servers import Mosquitto
from tests.volumes import balls, order_for, write_tomogram
from tests.web.site import SESSION, FakeDaemon

__all__ = ["facility"]
NAMES = (ONE, TWO, THREE)
CENTRED = [f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"]
OPTIONS = {
    "places": ["--edge", "450", "--z", "20:40", "--top", "1"],
    "labels": ["--near", "ice:600", "--top", "1"],
    "other features": ["--away", "proteasome:12", "--distinct", "proteasome:100", "--edge", "100"],
    "all of them": ["--away", "ice:480", "--distinct", "proteasome:100", "--edge", "450", "--z", "0:47", "--top", "1"],
    "nothing is left": ["--near", "ice:0"],
}


class Laboratory(Facility):
    """A facility whose results the pipeline has made: files, candidates and labels are real."""

    def __init__(self, output: Path, port: int) -> None:
        super().__init__(FakeDaemon(output), port)
        self.output = output
        self.session = session_folder(str(output), "krios1", SESSION)

    async def processes(self, name: str, *, digest: str = "0") -> None:
        """Another digest is another revision."""
        await self.daemon.arrive(name, digest=digest)
        claim = await self.daemon.begin()
        number = NAMES.index(name)
        small, big = [B] * (number == 1), [A] if number == 1 else [A, B, C]
        volume = balls(places=big, seed=number) + 1.5 * balls(places=small, diameter=150, noise=0)
        if number < 2:
            volume[20:29, 36:45, 4:13] -= 40
        path = write_tomogram(self.output / f"{number}.mrc", volume)
        folder = tomogram_folder(str(self.output), claim.tomogram) / result_name(claim.revision, RECIPE.hash)
        folder.parent.mkdir(parents=True, exist_ok=True)
        order = order_for(path, RECIPE, tomogram=claim.tomogram, revision=claim.revision)
        assert self.daemon.catalog.jobs.commit(claim.token, pipeline.run(order, folder), str(folder))
        await self.daemon._ring()

    async def exclude(self, name: str, **more: Any) -> None:
        who = TomogramId("krios1", SESSION, name)
        self.daemon.catalog.exclusions.exclude(who, who="ada", why="ice", **more)
        await self._exclusions_have_changed()

    async def readmit(self, name: str) -> None:
        self.daemon.catalog.exclusions.readmit(TomogramId("krios1", SESSION, name), who="ada")
        await self._exclusions_have_changed()

    async def _exclusions_have_changed(self) -> None:
        """As the daemon leaves them for those who read results without the catalog."""
        SessionFacts({}, self.daemon.catalog.exclusions.of_session("krios1", SESSION)).write(self.session)
        await self.daemon._ring()

    def picks(self, options: Sequence[str]) -> tuple[dict[str, list[Any]], list[Any]]:
        """What `livetomo picks` has by them: rows of each tomogram, and what it counts."""
        out = str(self.output / "out")
        given = [str(self.session), "--feature", "ribosome", *options, "--output", out, "--json"]
        run = CliRunner().invoke(picks_command, given)
        assert run.exit_code in (0, 3), run.output
        return in_star(self.output / "out" / "ribosome.star"), json.loads(run.stdout)["curated"]


def in_star(star: Path) -> dict[str, list[Any]]:
    """Score and places of each tomogram's rows, as starfile reads them, to what messages round."""
    table = starfile.read(star)
    rows: dict[str, list[Any]] = {}
    if len(table):
        for name, score, *xyz in table[["rlnTomoName", "rlnAutopickFigureOfMerit", *CENTRED]].itertuples(index=False):
            rows.setdefault(name, []).append((round(score, 4), *(round(each, 1) + 0.0 for each in xyz)))
    return {name: sorted(each) for name, each in rows.items()}


def collected(sta: Path) -> tuple[dict[str, list[Any]], list[Any]]:
    """What a follower has: rows of each tomogram, and what it counts."""
    state = json.loads((sta / "follow.json").read_text())
    taken = [each for session in state["sessions"] for each in session["taken"]]
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for one in sorted(taken, key=lambda one: one["tomogram"]):
        for each in one["curated"]:
            counts.setdefault((each["rule"], each["why"]), {})[one["tomogram"]] = each["picks"]
    said = [
        {"rule": rule, "why": why, "picks": sum(by.values()), "tomograms": by} for (rule, why), by in counts.items()
    ]
    return in_star(sta / "krios1" / SESSION / "ribosome.star"), said


@pytest_asyncio.fixture
async def laboratory(mosquitto: Mosquitto, tmp_path: Path) -> AsyncIterator[Laboratory]:
    laboratory = Laboratory(tmp_path / "out", mosquitto.port)
    laboratory.output.mkdir()
    yield laboratory
    await laboratory.close()


async def until(laboratory: Laboratory, sta: Path, options: Sequence[str], process: Any) -> None:
    """Until the follower, which saves now and then, has what `livetomo picks` has."""
    wanted = await asyncio.to_thread(laboratory.picks, options)
    found: Any = None
    for _ in range(200):
        assert process.returncode is None
        try:
            found = collected(sta)
        except (FileNotFoundError, ValueError):  # nothing is saved yet
            found = None
        if found == wanted:  # the star is written first, and then what is counted
            break
        await asyncio.sleep(0.1)
    assert found == wanted


@pytest.mark.slow
@pytest.mark.parametrize("what", OPTIONS)
async def test_rows_and_counts_are_those_of_livetomo_picks_through_a_kill(
    laboratory: Laboratory, tmp_path: Path, what: str
) -> None:
    options, sta = OPTIONS[what], tmp_path / "sta"
    await laboratory.processes(ONE)
    async with laboratory.followed(sta, "--all", *options) as process:
        await line(process)
        process.kill()
        await process.wait()
    await laboratory.processes(TWO)
    await laboratory.processes(THREE)
    async with laboratory.followed(sta, "--all", "--tomograms", "3", *options) as process:
        _, complaints = await process.communicate()
    assert process.returncode == 0, complaints
    assert collected(sta) == await asyncio.to_thread(laboratory.picks, options)
    picksets = await received(laboratory, curation_of(options), 3)
    assert {each.tomogram: len(each.rows) for each in picksets if each.rows} == {
        name: len(rows) for name, rows in laboratory_rows(laboratory, options).items()
    }
    by_the_client = {(each.tomogram, one.rule): one.picks for each in picksets for one in each.curated}
    by_picks = {
        (name, each["rule"]): number
        for each in laboratory.picks(options)[1]
        for name, number in each["tomograms"].items()
    }
    assert by_the_client == by_picks


def laboratory_rows(laboratory: Laboratory, options: Sequence[str]) -> dict[str, list[Any]]:
    """By the tomograms' own names, which stars may have substitutes of."""
    from livetomo.results.session_files import read_names

    rows, names = laboratory.picks(options)[0], read_names(laboratory.output / "out")
    return {names.get(name, name): each for name, each in rows.items()}


def curation_of(options: Sequence[str]) -> Curation:
    """What the command line makes of them."""
    import click

    found: list[Curation] = []
    command = click.command()(curation_options(lambda curation: found.append(curation)))
    command.main(list(options), standalone_mode=False)
    return found[0]


async def received(laboratory: Laboratory, curation: Curation, number: int) -> list[PickSet]:
    """The first sets that a program of one's own receives."""
    stream = livetomo.client.picks(laboratory.broker, feature="ribosome", curation=curation, after=0)
    async with asyncio.timeout(30), aclosing(stream) as picksets:
        return [await anext(picksets) for _ in range(number)]


@pytest.mark.slow
async def test_what_is_excluded_retracted_replaced_and_taken_back_in_is_curated_alike(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    options, sta = ["--distinct", "proteasome:100", "--edge", "100"], tmp_path / "sta"
    for name in NAMES:
        await laboratory.processes(name)
    async with laboratory.followed(sta, "--all", *options) as process:
        await until(laboratory, sta, options, process)
        assert sum(map(len, collected(sta)[0].values())) == 7
        for change in (
            lambda: laboratory.exclude(ONE),
            lambda: laboratory.readmit(ONE),
            lambda: laboratory.exclude(THREE, feature="ribosome", box={"z": (28.0, 47.0)}),
            lambda: laboratory.exclude(TWO, feature="proteasome"),
        ):
            before = laboratory.picks(options)
            await change()
            assert laboratory.picks(options)[0] != before[0], "it makes a difference"
            await until(laboratory, sta, options, process)
    async with laboratory.followed(sta, *options) as process:  # another follower: nothing is remembered but the folder
        before = laboratory.picks(options)
        await laboratory.readmit(TWO)
        assert laboratory.picks(options)[0] != before[0]
        await until(laboratory, sta, options, process)
        await laboratory.processes(TWO, digest="1")
        await until(laboratory, sta, options, process)


async def test_the_line_the_state_and_the_command_say_what_was_left_out(laboratory: Laboratory, tmp_path: Path) -> None:
    await laboratory.processes(ONE)
    copy = f"{sys.executable} -c \"import sys; print(open(sys.argv[1] + '/curated.json').read())\" {{folder}}"
    options = ("--all", "--tomograms", "1", "--edge", "450", "--top", "1")
    async with laboratory.followed(tmp_path / "sta", *options, "--run", copy) as process:
        said, _ = await process.communicate()
    edge, top = "closer than 450 Å to an edge of the tomogram", "not among the 1 strongest of their tomogram"
    assert said.decode() == (f"krios1/{SESSION}/{ONE}: 1 pick, left out: 1 {edge}; 1 {top} (1 in 1 tomogram)\n")
    (log,) = (tmp_path / "sta").glob("krios1/*/runs/*/log.txt")
    assert json.loads(log.read_text()) == [
        {"rule": "edge", "why": edge, "picks": 1, "tomograms": {ONE: 1}},
        {"rule": "top", "why": top, "picks": 1, "tomograms": {ONE: 1}},
    ]


async def test_a_tomogram_of_which_no_pick_is_left_is_collected_and_no_command_is_given_an_empty_star(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    await laboratory.processes(ONE)
    options = ("--all", "--tomograms", "1", "--near", "ice:0")
    async with laboratory.followed(tmp_path / "sta", *options, "--run", "true") as process:
        said, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    assert "TS_01: 0 picks, left out: 3 farther than 0 Å from the labels of ice (0 in 1 tomogram)" in said.decode()
    assert not list((tmp_path / "sta").glob("krios1/*/runs/*"))
    async with laboratory.followed(tmp_path / "sta", *options, "--run", "true", "--run-empty") as process:
        await process.communicate()
    assert len(list((tmp_path / "sta").glob("krios1/*/runs/*"))) == 1


async def test_a_folder_goes_on_with_the_rules_that_it_was_begun_with(laboratory: Laboratory, tmp_path: Path) -> None:
    await laboratory.processes(ONE)
    boxes = tmp_path / "boxes.json"
    boxes.write_text('{"*": [{"x": [0, 30]}]}')
    sta, options = tmp_path / "sta", ("--region", str(boxes), "--near", "ice:600")
    async with laboratory.followed(sta, "--all", "--tomograms", "1", *options) as process:
        assert (await process.wait(), await process.communicate())[0] == 0
    for changed in (("--near", "ice:600"), (*options, "--top", "1"), ("--region", str(boxes), "--near", "ice:601"), ()):
        async with laboratory.followed(sta, "--tomograms", "1", *changed) as process:
            _, complaints = await process.communicate()
        assert process.returncode == 2, changed
        assert b"collects --feature ribosome --verdict warn --region boxes.json (SHA-256 " in complaints
    boxes.write_text('{"*": [{"x": [0, 31]}]}')
    async with laboratory.followed(sta, "--tomograms", "1", *options) as process:
        _, complaints = await process.communicate()
    assert (process.returncode, b"this would be another collection" in complaints) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--region", "{}"], "has no box, so that no pick would be kept"),
        (["--consensus", "no such file:10"], "is neither a file nor the hash of a recipe"),
        (["--consensus", "0123abcd:10"], "a daemon serves the picks of the recipe that is in force alone"),
        (["--top", "1", "--format", "relion5"], "give it, or the options from --region to --top"),
        (["--near", "ice"], "write a name and a distance"),
    ],
)
async def test_what_cannot_be_done_is_refused_at_the_start_and_leaves_no_folder(
    facility: Facility, tmp_path: Path, options: list[str], said: str
) -> None:
    (tmp_path / "file").write_text("{}")
    given = [str(tmp_path / "file") if word == "{}" else word for word in options]
    async with facility.followed(tmp_path / "sta", *given) as process:
        _, complaints = await process.communicate()
    assert process.returncode == 2
    assert said in complaints.decode()
    assert not (tmp_path / "sta" / "follow.json").exists()


async def test_a_feature_to_be_distinct_from_that_nobody_has_heard_of_is_said(
    laboratory: Laboratory, tmp_path: Path
) -> None:
    await laboratory.processes(ONE)
    async with laboratory.followed(tmp_path / "sta", "--all", "--distinct", "proteasom:100") as process:
        said = await line(process)
        assert process.stderr is not None
        complaint = (await process.stderr.readline()).decode()
    assert f"not taken: there are no picks of proteasom in {ONE} (features with picks are ribosome, proteasome)" in said
    assert 'no feature "proteasom" yet (the features so far are proteasome, ribosome)' in complaint


async def test_where_a_daemon_keeps_no_labels_the_way_out_is_said(laboratory: Laboratory, tmp_path: Path) -> None:
    await laboratory.processes(ONE)
    for path in laboratory.session.glob("tomograms/*/*/labels.mrc"):
        path.unlink()
    async with laboratory.followed(tmp_path / "sta", "--all", "--near", "ice:600") as process:
        said = await line(process)
    assert f"{ONE}: not taken: there are neither labels nor picks of ice in {ONE}" in said
    assert 'write keep = ["labels"] in the recipe' in said
