"""Picks that are compared with a map: from a recipe to centres, angles and scores in every file of the result."""

import json

import numpy as np
import pytest
import starfile
import torch
from scipy.spatial.transform import Rotation

from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry
from livetomo.formats.mrc import read_volume
from livetomo.formats.orientations import turns_of
from livetomo.processing.match.rotations import angular_distance
from livetomo.processing.pipeline import match_candidates
from livetomo.processing.pipeline import run as pipeline
from livetomo.processing.pipeline.feature_plan import FeaturePlan
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.map_grid import MapGrid
from livetomo.processing.pipeline.match_candidates import MapAway, match_inputs
from livetomo.results.folder import read_result
from livetomo.results.session_picks import read_picks
from livetomo.simulate.microscope import Microscope, image
from livetomo.simulate.particles import Population
from livetomo.simulate.shapes import ribosome_like
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, draw
from tests.volumes import order_for, write_tomogram

VOXEL = 13.0
RECIPE = """
[[feature]]
name = "ribosome"
model = "blob"
diameter_angstrom = 250

[[pick]]
feature = "ribosome"
min_spacing_angstrom = 180
threshold = 0.4
candidate_threshold = 0.1
"""
MATCH = 'refine = "match"\nmap = "ribosome.mrc"\n'
MASS = "map_mass_kda = 2750\n"


@pytest.fixture(autouse=True)
def nothing_is_kept():
    match_candidates._particle.cache_clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tomogram of nine particles, and their map."""
    folder = tmp_path_factory.mktemp("match")
    geometry = TomogramGeometry((56, 112, 112), VOXEL)
    specimen = Specimen(IceSlab(620.0), (Population(ribosome_like(), 9, "ribosome", overlap=0.0),))
    density, truth = draw(specimen, geometry, 7)
    dark = image(density, VOXEL, Microscope(tilts_degrees=(-58, 44, 2), snr=0.5, phase_flipped=True), 7).volume
    write_tomogram(folder / "TS_01.mrc", dark, VOXEL)
    write_tomogram(folder / "ribosome.mrc", ribosome_like().draw(np.eye(3), 8.0, np.zeros(3)), 8.0)
    np.savez(folder / "truth.npz", position=truth.picks["ribosome"].position, euler=truth.picks["ribosome"].euler)
    return folder


def recipe(folder, text=RECIPE + MATCH + MASS, name="r.toml") -> Recipe:
    (folder / name).write_text(text)
    return load_recipe(name, folder)


def result_of(folder, tmp_path, rules: Recipe):
    body = json.loads(json.dumps(order_for(folder / "TS_01.mrc", rules).to_json()))
    pipeline.run(JobSpec.from_json(body), tmp_path / "result")
    return read_result(tmp_path / "result")


def test_every_file_of_a_result_has_the_centres_and_angles_of_the_truth(folder, tmp_path):
    result = result_of(folder, tmp_path, recipe(folder))
    (placed,) = read_picks([result], "ribosome")
    truth = np.load(folder / "truth.npz")
    away = np.linalg.norm(placed.picks.position[:, None] - truth["position"], axis=2)
    nearest, true = away.argmin(axis=1), away.min(axis=1) < 3
    assert true.sum() >= 7
    assert np.median(away.min(axis=1)[true]) * VOXEL < 6
    poses = Rotation.from_euler("ZYZ", truth["euler"], degrees=True).inv().as_matrix()
    assert np.median(angular_distance(turns_of(placed)[true], poses[nearest[true]])) < 4
    star = starfile.read(tmp_path / "result" / "picks" / "ribosome.relion5.star")
    rows = placed.picks.above(0.4)
    np.testing.assert_allclose(star["rlnAngleTilt"], rows.euler[:, 1], atol=1e-3)
    np.testing.assert_allclose(star["livetomoMatchScore"], rows.match_score, atol=1e-5)
    said = result.manifest.picks["ribosome"]
    columns = dict(zip(said.columns, zip(*said.strongest, strict=True), strict=True))
    np.testing.assert_allclose(columns["psi"], rows.euler[:, 2], atol=1e-2)
    np.testing.assert_allclose(columns["match_score"], rows.match_score, atol=1e-3)
    assert result.manifest.recipe.settings["pick"][0]["map_mass_kda"] == 2750


def test_the_wedge_is_the_one_that_the_volume_shows(folder):
    rules, voxels = recipe(folder), torch.from_numpy(np.array(read_volume(folder / "TS_01.mrc").voxels))
    geometry = TomogramGeometry((56, 112, 112), VOXEL)
    plan = FeaturePlan(rules, MapGrid(geometry, geometry), {}, {}, {})
    made, findings = match_inputs(-voxels, plan, order_for(folder / "TS_01.mrc", rules), None)
    wedge = made["ribosome"].wedge
    assert wedge.low_degrees == pytest.approx(-58, abs=3)
    assert wedge.high_degrees == pytest.approx(44, abs=3)
    assert wedge.axis == "x"
    assert findings.warnings == ()


def test_voxels_that_are_too_coarse_are_said(folder):
    rules = recipe(folder, RECIPE + MATCH + MASS + "low_pass_angstrom = 90\n", "coarse.toml")
    geometry = TomogramGeometry((56, 112, 112), VOXEL)
    plan = FeaturePlan(rules, MapGrid(geometry, geometry), {}, {}, {})
    made, findings = match_inputs(torch.ones(8, 8, 8), plan, order_for(folder / "TS_01.mrc", rules), None)
    assert made == {}
    assert findings.warnings[0].startswith("ribosome was not compared with its map: at 90 Å")


def test_scores_and_their_order_are_those_without_a_map(folder, tmp_path):
    with_map, without = (
        read_picks([result_of(folder, tmp_path / name, recipe(folder, text, f"{name}.toml"))], "ribosome")[0].picks
        for name, text in (("with", RECIPE + MATCH + MASS), ("without", RECIPE))
    )
    assert without.euler is None
    assert without.match_score is None
    np.testing.assert_array_equal(with_map.score, without.score)
    moved = np.linalg.norm(with_map.position - without.position, axis=1) * VOXEL
    assert 0 < np.median(moved) < 65


def test_decoys_are_not_compared_and_the_shares_stay(folder, tmp_path):
    shares = [
        read_picks([result_of(folder, tmp_path / name, recipe(folder, text, f"{name}.toml"))], "ribosome")[0].picks
        for name, text in (
            ("with", RECIPE + "decoys = true\n" + MATCH + MASS),
            ("without", RECIPE + "decoys = true\n"),
        )
    ]
    assert shares[0].false_share is not None or shares[1].false_share is None
    if shares[1].false_share is not None:
        np.testing.assert_array_equal(shares[0].false_share, shares[1].false_share)


def test_of_two_candidates_on_one_particle_the_stronger_stays(folder, tmp_path):
    close = RECIPE.replace("spacing_angstrom = 180", "spacing_angstrom = 60").replace("= 250", "= 120")
    result = result_of(folder, tmp_path, recipe(folder, close + MATCH + MASS, "close.toml"))
    position = read_picks([result], "ribosome")[0].picks.position * VOXEL
    apart = np.linalg.norm(position[:, None] - position, axis=2) + 1e9 * np.eye(len(position))
    assert apart.min() >= 60 - 0.01


def test_a_map_that_is_gone_or_another_one_is_said(folder, tmp_path):
    rules = recipe(folder)
    text = rules.pick[0].map_sha256
    for path, why in (("gone.mrc", "cannot be read"), (str(folder / "TS_01.mrc"), "is another file by now")):
        pick = rules.pick[0].model_copy(update={"map": str(folder / path), "map_sha256": text})
        with pytest.raises(MapAway, match=why):
            result_of(folder, tmp_path, rules.model_copy(update={"pick": (pick,)}))
    match_candidates._particle.cache_clear()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('refine = "match"\n', '"refine" is "match", which needs "map"'),
        ('refine = "match"\nmap = "none.mrc"\n', '"map" is "none.mrc", but there is no file'),
        ('refine = "match"\nmap = "ribosome.txt"\n', "write the file of a density map"),
        (MATCH, "neither mass nor contour is known"),
        (MATCH + MASS + 'map_sha256 = "0123"\n', "another file than"),
        (MATCH + MASS + 'map_symmetry = "C0"\n', "point group"),
        (MASS, 'write refine = "match" too'),
        ('refine = "average"\n', "match"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(folder, text, said):
    with pytest.raises(ConfigurationError, match="pick number 1") as fault:
        recipe(folder, RECIPE + text, "wrong.toml")
    assert said in str(fault.value)


def test_a_folder_or_a_fifo_is_no_map(folder, tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.mrc")
    (tmp_path / "folder.mrc").mkdir()
    for name in ("pipe.mrc", "folder.mrc"):
        with pytest.raises(ConfigurationError, match="not a regular file"):
            recipe(tmp_path, RECIPE + f'refine = "match"\nmap = "{name}"\n' + MASS)


def test_what_a_file_beside_the_map_says_is_in_force_and_in_the_hash(folder, tmp_path):
    (tmp_path / "ribosome.mrc").write_bytes((folder / "ribosome.mrc").read_bytes())
    (tmp_path / "ribosome.toml").write_text('mass_kda = 2750\nsymmetry = "c2"\n')
    beside = recipe(tmp_path, RECIPE + MATCH)
    assert (beside.pick[0].map_mass_kda, beside.pick[0].map_symmetry) == (2750, "C2")
    said = recipe(folder, RECIPE + MATCH + MASS + 'map_symmetry = "C2"\n', "said.toml")
    assert beside.hash == said.hash, "the same map elsewhere"
    (tmp_path / "ribosome.toml").write_text("mass_kda = 2000\n")
    assert recipe(tmp_path, RECIPE + MATCH).hash != beside.hash
    assert recipe(tmp_path, RECIPE + MATCH + "map_mass_kda = 2500\n").pick[0].map_mass_kda == 2500


def test_another_map_is_another_recipe_and_no_map_the_one_that_it_was(folder, tmp_path):
    before = recipe(folder)
    assert "refine" not in recipe(folder, RECIPE, "plain.toml").to_json()["pick"][0]
    (tmp_path / "ribosome.mrc").write_bytes((folder / "ribosome.mrc").read_bytes()[:-4] + b"\0\0\0\1")
    assert recipe(tmp_path).hash != before.hash
