"""Picks that are compared with a map add up to an average: from a recipe to the command that shows it."""

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from click.testing import CliRunner

from livetomo.cli.sessions import command
from livetomo.config.recipe.recipe import load_recipe
from livetomo.core.particle_sums import SIDE
from livetomo.core.tomogram import TomogramId, result_name, tomogram_folder
from livetomo.processing.pipeline import average_picks
from livetomo.processing.pipeline import run as pipeline
from livetomo.results.average.sums_file import read_sums
from livetomo.results.folder import damage, read_result
from tests.oriented_session import RECIPE, VOXEL, oriented_session
from tests.volumes import order_for, write_tomogram


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two tomograms of 25 particles."""
    return oriented_session(tmp_path_factory.mktemp("average"), (7, 8))


def test_each_result_holds_its_sums_and_they_are_files_of_it(session: Path) -> None:
    for folder in sorted(session.glob("tomograms/*/r*")):
        result = read_result(folder)
        held = read_sums(result, "ribosome")
        assert held is not None
        assert sum(held.particles.count) == result.manifest.picks["ribosome"].count
        assert 1 <= sum(held.null.count) <= 8
        assert 230 < held.diameter_angstrom < 320
        assert not list(damage(folder))
        assert "average" in result.manifest.seconds


def test_the_command_shows_that_the_picks_are_the_particle(session: Path, tmp_path: Path) -> None:
    words = ["average", str(session), "--output", str(tmp_path), "--verdict", "bad"]
    ran = CliRunner().invoke(command, [*words, "--json"])
    assert ran.exit_code == 0, ran.output
    look = json.loads(ran.output)["ribosome"]
    assert look["tomograms"] == 2
    assert look["particles"] > 30
    assert look["signal"] > 3 * look["by_chance"]
    assert look["resolution_angstrom"] < 70
    for name in ("ribosome", "ribosome_half1", "ribosome_half2"):
        with mrcfile.open(tmp_path / f"{name}.mrc") as file:
            assert file.data.shape == (SIDE, SIDE, SIDE)
            assert float(file.voxel_size.x) == pytest.approx(1.6 * 275 / SIDE, rel=0.15)
    assert (tmp_path / "ribosome.png").stat().st_size > 5000
    again = CliRunner().invoke(command, words)
    assert again.exit_code == 0, again.output
    assert again.output.split()[:2] == ["feature", "particles"]


def test_a_session_without_orientations_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text(RECIPE)
    recipe = load_recipe("r.toml", tmp_path)
    write_tomogram(tmp_path / "a.mrc", np.random.default_rng(1).normal(size=(20, 48, 48)).astype(np.float32), VOXEL)
    place = tomogram_folder(str(tmp_path / "results"), TomogramId("krios1", "s", "a"))
    place.mkdir(parents=True)
    folder = place / result_name(1, recipe.hash)
    pipeline.run(order_for(tmp_path / "a.mrc", recipe), folder)
    assert not (folder / "average").exists()
    session = tmp_path / "results" / "krios1" / "s"
    ran = CliRunner().invoke(command, ["average", str(session), "--verdict", "bad"])
    assert ran.exit_code != 0
    assert "no orientations" in str(ran.exception)


def test_the_places_of_the_null_are_beside_the_picks_and_apart_from_all() -> None:
    position = np.random.default_rng(2).uniform([20, 12, 12], [40, 130, 130], (60, 3)).astype(np.float32)
    places = average_picks.beside(position, (60, 144, 144), 15.0)
    assert len(places) >= 6
    apart = np.linalg.norm(places[:, None] - position, axis=2).min(axis=1)
    assert (apart >= 0.8 * 15).all()
    assert (apart <= 1.5 * 15 + 1e-3).all()
    assert ((places[:, 1:] >= 7.4) & (places[:, 1:] <= 143 - 7.4)).all()
    assert set(places[:, 0].tolist()) <= set(position[:, 0].tolist())


def test_where_no_place_is_free_there_is_no_null_and_without_picks_nothing() -> None:
    full = np.stack(np.meshgrid(*[np.arange(0, 24, 4.0)] * 3, indexing="ij"), -1).reshape(-1, 3).astype(np.float32)
    assert len(average_picks.beside(full, (24, 24, 24), 12.0)) == 0
    assert average_picks.beside(full[:0], (24, 24, 24), 12.0).shape == (0, 3)
