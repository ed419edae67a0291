"""The averages of a session grow with its results: from the catalog through the child to broker, metrics and API."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from click.testing import CliRunner
from httpx import ASGITransport, AsyncClient
from prometheus_client import CollectorRegistry

from livetomo.catalog.catalog import CatalogThread
from livetomo.catalog.rebuild import FoundResult, record_results
from livetomo.cli.sessions import command
from livetomo.core.quality.metric import Verdict
from livetomo.core.status import Status
from livetomo.core.tomogram import TomogramId
from livetomo.daemon import session_averages
from livetomo.daemon.session_averages import SessionAverages, write
from livetomo.publish.payloads.events import MessageSettings
from livetomo.publish.payloads.retained import SummaryPayload
from livetomo.publish.payloads.topics import Topics
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.results.manifest import read_manifest
from livetomo.web.app import Site, create_app
from livetomo.web.auth import AccessRules
from livetomo.web.read_model import View, newest_of_each_watch
from tests.oriented_session import oriented_session

FILES = {"ribosome.mrc", "ribosome_half1.mrc", "ribosome_half2.mrc", "ribosome.png", "ribosome.json"}
WHO = ("krios1", "s")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all results: of three tomograms of one session."""
    return oriented_session(tmp_path_factory.mktemp("averages"), (7, 8, 9)).parents[1]


@pytest.fixture
def output(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "results")


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[CatalogThread]:
    thread = CatalogThread(tmp_path / "catalog.sqlite", site="here", instance="main")
    await thread.open()
    yield thread
    await thread.close()


@pytest.fixture
def averages(catalog: CatalogThread, output: Path) -> SessionAverages:
    return SessionAverages(catalog, str(output), watches=lambda: ["krios1"], gather_seconds=0.01)


async def commit(catalog: CatalogThread, output: Path, *seeds: int, verdict: Verdict = "good") -> None:
    """Record the results of `TS_<seed>`."""
    found = []
    for seed in seeds:
        folder = npz_of(output, seed).parents[1]
        found.append(FoundResult(replace(read_manifest(folder), verdict=verdict), str(folder), f"s/TS_{seed}.mrc"))
    await catalog(lambda inside: record_results(inside, found))


def npz_of(output: Path, seed: int) -> Path:
    (path,) = output.glob(f"krios1/s/tomograms/TS_{seed}/r*/average/ribosome.npz")
    return path


def by_command(output: Path, to: Path | None = None) -> dict[str, Any]:
    words = ["average", str(output / "krios1" / "s"), "--verdict", "bad", "--json"]
    words += [] if to is None else ["--output", str(to)]
    ran = CliRunner().invoke(command, words)
    assert ran.exit_code == 0, ran.output
    return dict(json.loads(ran.output)["ribosome"])


def volumes(folder: Path) -> list[np.ndarray]:
    return [mrcfile.read(folder / name) for name in sorted(FILES) if name.endswith(".mrc")]


def _tomograms(averages: SessionAverages) -> int:
    return sum(each.tomograms for each in averages.of(*WHO).values())


async def counts(averages: SessionAverages) -> tuple[int, int]:
    """Make them: how many tomograms and particles are in it."""
    assert (await averages.write(*WHO)).is_whole
    now = averages.of(*WHO)["ribosome"]
    return now.tomograms, now.particles


async def test_it_grows_with_each_result_and_follows_what_is_taken_out_and_back(
    averages: SessionAverages, catalog: CatalogThread, output: Path
) -> None:
    await commit(catalog, output, 7)
    assert (one := await counts(averages))[0] == 1
    await commit(catalog, output, 8, 9)
    assert (all_three := await counts(averages))[0] == 3
    assert all_three[1] > one[1] + 20
    who = TomogramId("krios1", "s", "TS_8")
    await catalog(lambda inside: inside.exclusions.exclude(who, who="ada", why="ice"))
    assert (two := await counts(averages))[0] == 2
    assert two[1] < all_three[1]
    await catalog(lambda inside: inside.exclusions.readmit(who, who="ada"))
    assert await counts(averages) == all_three
    await catalog(lambda inside: inside.exclusions.exclude(who, who="ada", why="empty", feature="ribosome"))
    assert await counts(averages) == two


async def test_a_bad_tomogram_is_not_in_it(averages: SessionAverages, catalog: CatalogThread, output: Path) -> None:
    await commit(catalog, output, 7, verdict="bad")
    await commit(catalog, output, 8, verdict="warn")
    assert (await counts(averages))[0] == 1


async def test_it_is_what_the_command_makes_of_the_same_folder(
    averages: SessionAverages, catalog: CatalogThread, output: Path, tmp_path: Path
) -> None:
    for seed in (9, 7, 8):  # in another order than by names
        await commit(catalog, output, seed)
        await averages.write(*WHO)
    folder = averages.folder(*WHO)
    assert {path.name for path in folder.iterdir()} == FILES | {"ribosome_total.npz"}
    said = json.loads((folder / "ribosome.json").read_text())
    shown = by_command(output, tmp_path / "anew")
    for key in ("particles", "tomograms", "signal", "by_chance", "resolution_angstrom"):
        assert said[key] == pytest.approx(shown[key], rel=1e-4)
    assert said["signal"] > 3 * said["by_chance"]
    assert len(said["frequency_per_angstrom"]) == len(said["correlation"]) == len(said["correlation_by_chance"]) == 16
    for one, other in zip(volumes(folder), volumes(tmp_path / "anew"), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(other).max())
    (folder / "ribosome.mrc").write_bytes(b"spoiled")
    by_command(output)  # in place of the daemon's own
    np.testing.assert_array_equal(volumes(folder)[0], volumes(tmp_path / "anew")[0])
    assert {path.name for path in folder.iterdir()} == FILES | {"ribosome_total.npz"}


async def test_what_is_in_the_total_is_not_read_again_and_a_lost_total_is_made_anew(
    averages: SessionAverages, catalog: CatalogThread, output: Path
) -> None:
    await commit(catalog, output, 7, 8)
    two = await counts(averages)
    path = npz_of(output, 7)
    content = path.read_bytes()
    path.unlink()
    await commit(catalog, output, 9)
    three = await counts(averages)
    assert (three[0], three[1] > two[1]) == (3, True)
    path.write_bytes(content)
    total = averages.folder(*WHO) / "ribosome_total.npz"
    for spoiled in (b"", b"PK\x03\x04 half of it", total.read_bytes()[:-100_000]):
        total.write_bytes(spoiled)
        assert await counts(averages) == three
        assert len(total.read_bytes()) > 500_000
    total.unlink()
    assert await counts(averages) == three


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", None])
async def test_a_damaged_file_costs_its_tomogram_alone_and_is_said(
    averages: SessionAverages, catalog: CatalogThread, output: Path, content: bytes | None
) -> None:
    await commit(catalog, output, 7, 8)
    if content is None:
        npz_of(output, 8).unlink()
    else:
        npz_of(output, 8).write_bytes(content)
    running = asyncio.create_task(averages.run())
    async with asyncio.timeout(60):
        while not averages.of(*WHO):  # noqa: ASYNC110  (another process: nothing rings)
            await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait([running])
    assert averages.of(*WHO)["ribosome"].tomograms == 1
    (problem,) = averages.problems()
    assert (problem.name, problem.severity) == ("exports-krios1", "warning")
    assert problem.message.startswith("The averages of s lack TS_8: ")
    assert "ribosome.npz" in problem.message


async def test_the_daemon_s_part_makes_it_after_each_event(
    averages: SessionAverages, catalog: CatalogThread, output: Path
) -> None:
    await commit(catalog, output, 7)
    who = TomogramId("krios1", "s", "TS_7")
    running = asyncio.create_task(averages.run())

    async def until(tomograms: int) -> None:
        async with asyncio.timeout(60):
            while _tomograms(averages) != tomograms:  # noqa: ASYNC110  (another process: nothing rings)
                await asyncio.sleep(0.05)

    await until(1)
    await commit(catalog, output, 8)
    await until(2)
    await catalog(lambda inside: inside.exclusions.exclude(who, who="ada", why="ice"))
    await until(1)
    await catalog(lambda inside: inside.exclusions.readmit(who, who="ada"))
    await until(2)
    running.cancel()
    await asyncio.wait([running])


async def test_where_nothing_counts_any_more_nothing_is_left(
    averages: SessionAverages, catalog: CatalogThread, output: Path
) -> None:
    await commit(catalog, output, 7)
    await averages.write(*WHO)
    (averages.folder(*WHO) / "notes.json").write_text("{}")
    who = TomogramId("krios1", "s", "TS_7")
    await catalog(lambda inside: inside.exclusions.exclude(who, who="ada", why="ice"))
    assert (await averages.write(*WHO)).is_whole
    assert not averages.of(*WHO)
    assert [path.name for path in averages.folder(*WHO).iterdir()] == ["notes.json"]


async def test_an_output_that_is_away_takes_no_average_from_anybody(
    averages: SessionAverages, catalog: CatalogThread, output: Path
) -> None:
    await commit(catalog, output, 7)
    before = await counts(averages)
    (output / "krios1" / "s" / "tomograms").rename(output / "away")
    assert "tomograms" in (await averages.write(*WHO)).failure
    assert (averages.of(*WHO)["ribosome"].particles, averages.folder(*WHO).joinpath("ribosome.mrc").exists()) == (
        before[1],
        True,
    )


def of_view(catalog: CatalogThread, averages: SessionAverages) -> View:
    async def status() -> Status:
        return Status("here", "main", "1", datetime.now(UTC), datetime.now(UTC))

    return View(catalog, status, averages)


async def test_broker_metrics_and_api_carry_the_numbers_and_the_picture(
    averages: SessionAverages, catalog: CatalogThread, output: Path
) -> None:
    await commit(catalog, output, 7, 8)
    await averages.write(*WHO)
    made, view = averages.of(*WHO)["ribosome"], of_view(catalog, averages)
    summary = json.loads(SummaryPayload.of(await view.totals(*WHO)).payload())
    assert summary["averages"]["ribosome"] == made.to_json()
    metrics = Metrics(CollectorRegistry())
    metrics.show(await view.status(), [WHO], await newest_of_each_watch(view, [WHO]))

    def sample(name: str) -> float | None:
        return metrics.registry.get_sample_value(
            f"livetomo_session_average_{name}", {"watch": "krios1", "feature": "ribosome"}
        )

    assert (sample("particles"), sample("signal_ratio"), sample("chance_ratio")) == (
        made.particles,
        made.signal,
        made.by_chance,
    )
    assert made.resolution_angstrom is not None
    assert sample("resolution_meters") == pytest.approx(made.resolution_angstrom * 1e-10)
    app = create_app(Site(view, MessageSettings(Topics("here", "main")), metrics), AccessRules(full_control=True))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://localhost") as client:

        async def get(name: str, **who: str) -> Any:
            return await client.get(f"/api/v1/average/{name}", params={"watch": "krios1", "session": "s"} | who)

        assert (await client.get("/api/v1/summary?watch=krios1&session=s")).json()["averages"] == summary["averages"]
        for name in FILES:
            reply = await get(name)
            assert reply.status_code == 200
            assert reply.content == (averages.folder(*WHO) / name).read_bytes()
            assert reply.headers["cache-control"] == "no-cache"
        assert (await get("ribosome.png")).headers["content-type"] == "image/png"
        (averages.folder(*WHO) / "link.json").symlink_to(output / "krios1")
        for name in (
            "ribosome_total.npz",
            "virus.png",
            "..%2Fsession.json",
            "%00.json",
            "link.json",
            "x" * 300 + ".png",
        ):
            assert (await get(name)).status_code == 404, name
        assert (await get("ribosome.png", session="other")).status_code == 404
        assert (await get("ribosome.png", session="../krios1/s")).status_code == 404
        assert (await client.get("/api/v1/average/ribosome.png?watch=krios1")).status_code == 400


async def test_a_session_without_orientations_has_no_folder_no_entry_and_no_series(
    averages: SessionAverages, catalog: CatalogThread, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(module: str, order: object) -> None:
        raise AssertionError("a process was begun")

    monkeypatch.setattr(session_averages, "report_of_child", refuse)
    for seed in (7, 8):
        path = npz_of(output, seed).parents[1] / "result.json"
        body = json.loads(path.read_text())
        body["files"] = {name: facts for name, facts in body["files"].items() if not name.startswith("average/")}
        path.write_text(json.dumps(body))
    await commit(catalog, output, 7, 8)
    assert (await averages.write(*WHO)).is_whole
    assert write({"results": {}, "exclusions": [], "session": str(output / "krios1" / "s")})["averages"] == {}
    assert not averages.folder(*WHO).exists()
    view = of_view(catalog, averages)
    assert SummaryPayload.of(await view.totals(*WHO)).averages == {}
    metrics = Metrics(CollectorRegistry())
    metrics.show(await view.status(), [WHO], await newest_of_each_watch(view, [WHO]))
    assert b"\nlivetomo_session_average" not in metrics.exposition()
