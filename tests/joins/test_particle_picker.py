"""The recipe that a training writes publishes the picks that its package is judged by."""

import json
from pathlib import Path

import numpy as np
import torch
from click.testing import CliRunner

from livetomo.cli import livetomo_command
from livetomo.config.model_card import Canonical, read_card
from livetomo.formats.mrc import read_volume
from livetomo.processing.networks.package import load_model
from livetomo.results.manifest import read_manifest
from livetomo.train.example import prepared
from livetomo.train.goals import Centre, Goal
from livetomo.train.particle_evaluation import LEAST_SCORE, SpeciesThresholds
from livetomo.train.particle_recipe import recipe_of
from livetomo.train.score import centre_picks, predict
from tests.networks import save_seeing_network
from tests.volumes import VOXEL_ANGSTROM, balls, write_tomogram

GOALS = (Goal("lid", 8.0, Centre(60.0, 150.0, 40.0)), Goal("cage", 4.0, Centre(90.0, 220.0, 60.0)))
SIZE = 30.0


def test_picks_of_the_recipe_are_those_that_the_package_is_judged_by(tmp_path):
    radii = {goal.feature: goal.centre.radius_angstrom for goal in GOALS}
    package = save_seeing_network(
        tmp_path / "mine.safetensors", tuple(radii), SIZE, centres_angstrom=radii, diameters_angstrom={"lid": 240.0}
    )
    thresholds = {"lid": 0.4, "cage": 0.3}
    chosen = {name: SpeciesThresholds(0.1, threshold, 0.9) for name, threshold in thresholds.items()}
    (tmp_path / "mine.toml").write_text(recipe_of(read_card(package), package.name, GOALS, chosen))
    tomogram = write_tomogram(tmp_path / "TS_01.mrc", balls())
    arguments = ["process", tomogram, "--recipe", tmp_path / "mine.toml", "--output", tmp_path / "out"]
    done = CliRunner().invoke(livetomo_command, [*map(str, arguments), "--json"], catch_exceptions=False)
    manifest = read_manifest(Path(json.loads(done.stdout)[0]["folder"]))

    voxels = read_volume(tomogram).voxels.astype(np.float32)
    seen = prepared(voxels, VOXEL_ANGSTROM, Canonical.at(SIZE))
    with torch.inference_mode():
        maps = predict(load_model(package).network, seen, torch.device("cpu"))
    for channel, goal in enumerate(GOALS):
        judged = centre_picks(maps[channel], SIZE, goal.centre, LEAST_SCORE)
        picks = manifest.picks[goal.feature]
        assert len(judged.above(thresholds[goal.feature])) >= 3
        assert abs(picks.candidates - len(judged)) <= 1  # the pipeline computes in half precision
        assert picks.count == len(judged.above(thresholds[goal.feature]))
        strongest = np.array(picks.strongest)[:3]
        np.testing.assert_allclose(strongest[:, 3], judged.score[:3], atol=5e-3)
        # From the network's grid to the tomogram's, whose extents differ by a rounding.
        scale = VOXEL_ANGSTROM * np.array(voxels.shape) / np.array(seen.shape)
        np.testing.assert_allclose(strongest[:, 2::-1], judged.position[:3] * scale, atol=2)
    assert manifest.picks["lid"].diameter_angstrom == 240
