"""A candidate, from where it was found to a star at another threshold: nothing is lost on its way but digits."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from livetomo.cli.picks import command
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.picks import Picks
from livetomo.core.tomogram import TomogramId, result_name
from livetomo.formats.candidates import candidates_name, candidates_text
from livetomo.formats.exporter import EXPORTERS
from livetomo.formats.frame import Placed
from livetomo.processing.pipeline import run as pipeline
from livetomo.processing.pipeline import write_result as result_files
from livetomo.results.session_picks import newest_results, read_picks
from tests.exported import WITHOUT_SCORES, files_of
from tests.volumes import balls, order_for, write_tomogram

BLOB = {"model": "blob", "diameter_angstrom": 250}
RECIPE = Recipe.model_validate(
    {
        "feature": [{"name": "ribosome"} | BLOB, {"name": "region"} | BLOB],
        "pick": [
            {"feature": "ribosome", "min_spacing_angstrom": 100, "threshold": 0.9, "candidate_threshold": 0.01},
            {"feature": "region", "min_spacing_angstrom": 100, "threshold": 0.98, "method": "watershed"},
        ],
    }
)
LEAST = {"ribosome": 0.05, "region": 0.94}
DIGITS = {
    "csv": 2e-2,
    "imod": 2e-2,
    "napari": 2e-3,
    "cryoet-portal": 2e-3,
    "chimerax": 2e-3,
    "eman2": 2e-3,
    "copick": 2e-4,
    "relion31": 1e-3,
    "stopgap": 2e-2,
    "dynamo": 2e-2,
}


def _volume() -> np.ndarray:
    shape = (24, 48, 48)
    weak = balls(shape, places=((11, 14, 34), (12, 34, 12)), noise=0)
    return balls(shape, places=((12, 14, 14), (12, 32, 30))) + weak / 4


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Placed]]:
    """A session's folder with one result, and what was found there as it was in memory."""
    folder = tmp_path_factory.mktemp("session")
    found: dict[str, Placed] = {}

    def kept(placed: Placed) -> str:
        found[("ribosome", "region")[len(found)]] = placed
        return candidates_text(placed)

    path = write_tomogram(folder / "TS_01.mrc", _volume())
    order = order_for(path, RECIPE, tomogram=TomogramId("krios1", "monday", "TS_01"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(result_files, "candidates_text", kept)
        result = folder / "tomograms" / "TS_01" / result_name(1, RECIPE.hash)
        result.parent.mkdir(parents=True)
        pipeline.run(order, result)
    return folder, found


def same(one: Picks, other: Picks) -> None:
    for column in ("position", "score", "volume"):
        mine, theirs = getattr(one, column), getattr(other, column)
        assert (mine.dtype, mine.tobytes()) == (theirs.dtype, theirs.tobytes()), column


@pytest.mark.parametrize("feature", LEAST)
def test_the_candidates_of_a_result_are_those_that_were_found(session: tuple[Path, Any], feature: str) -> None:
    folder, found = session
    (read,) = read_picks(newest_results(folder), feature, threshold=0)
    assert len(read.picks) >= 4
    assert read.frame == found[feature].frame
    same(read.picks, found[feature].picks)


@pytest.mark.parametrize("feature", LEAST)
@pytest.mark.parametrize("name", EXPORTERS)
def test_picks_at_another_threshold_are_the_candidates_above_it(
    session: tuple[Path, Any], tmp_path: Path, name: str, feature: str
) -> None:
    folder, found = session
    stored = Placed(found[feature].picks.above(LEAST[feature]), found[feature].frame)
    published = json.loads(next(folder.glob("tomograms/*/*/result.json")).read_text())["picks"][feature]
    assert published["count"] < len(stored.picks) < published["candidates"]
    arguments = ["--feature", feature, "--threshold", LEAST[feature], "--format", name, "--output", tmp_path]
    done = CliRunner().invoke(command, [str(folder), *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    files = files_of(EXPORTERS[name], tmp_path, [path for path in tmp_path.rglob("*") if path.is_file()])
    (back,) = EXPORTERS[name].read_session(files, feature, [stored.frame]).values()
    assert len(back) == len(stored.picks)
    angstrom = np.abs(back.position - stored.picks.position).max() * stored.frame.geometry.voxel_size_angstrom
    assert angstrom < DIGITS.get(name, 1e-4)
    if name not in WITHOUT_SCORES:
        np.testing.assert_allclose(back.score, stored.picks.score, atol=6e-7)
    if name == "csv" and feature == "region":
        np.testing.assert_allclose(back.volume, stored.picks.volume, atol=0.06, rtol=1e-7)


def test_the_threshold_of_the_recipe_gives_the_published_picks(session: tuple[Path, Any]) -> None:
    folder, found = session
    for rule in RECIPE.pick:
        feature, placed = rule.feature, found[rule.feature]
        (read,) = read_picks(newest_results(folder), feature)
        same(read.picks, placed.picks.above(rule.threshold))
        text = next(folder.glob(f"tomograms/*/*/{candidates_name(feature)}")).read_text()
        assert text == candidates_text(placed)
