"""Decoys in the pipeline: what is done to a feature is done to them, and the result says how many picks are false."""

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import torch

from livetomo.config import decoy_calibration
from livetomo.config.model_card import Card
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.false_share import DecoyCalibration
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import ResultManifest
from livetomo.formats.particle_columns import FALSE_SHARE
from livetomo.formats.star import read_loops
from livetomo.processing.networks.package import Models
from livetomo.processing.pipeline import run as pipeline
from livetomo.processing.pipeline.decoys import decoy_of, treating_decoys_alike, with_decoys_
from livetomo.processing.pipeline.feature_maps import FeatureMaps, SegmentationInputs, segment
from livetomo.processing.pipeline.feature_plan import plan_features
from livetomo.processing.pipeline.find_particles import change_maps
from livetomo.processing.pipeline.pick_particles import interact, pick
from livetomo.results.folder import read_result
from livetomo.results.session_picks import read_picks
from tests.networks import save_seeing_network
from tests.processing.pipeline.made_up import GEOMETRY, plan
from tests.volumes import balls, order_for, write_tomogram
from tools.docs.schemas import manifest_schema

PLACES = [(z, y, x) for z in (12, 24, 36) for y in (15, 40, 65) for x in (15, 40, 65)]
MANY = {"candidate_threshold": 0.001, "threshold": 0.5, "min_spacing_angstrom": 100, "edge_angstrom": 60}


def recipe(name: str = "untrained", **keys) -> Recipe:
    body = load_recipe(name).to_json()
    body["pick"][0] |= MANY | keys
    return Recipe.model_validate(body)


def run(folder, rules: Recipe, volume=None, **options) -> ResultManifest:
    path = write_tomogram(folder / "TS_01.mrc", balls(places=PLACES) if volume is None else volume)
    return pipeline.run(order_for(path, rules), folder / "result", **options)


@pytest.fixture(scope="module", autouse=True)
def believed_decoys():
    """Balls in noise are no cell: the calibration of `blob`, which is of cells, does not hold for them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoy_calibration, "of_methods", dict)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decoys")
    stages = []
    return folder, run(folder, recipe(false_share=0.1), announce=stages.append), stages


def test_true_particles_are_published_and_the_share_of_false_ones_is_said(made):
    folder, manifest, _ = made
    picks = manifest.picks["ribosome"]
    share = picks.false_share
    assert len(PLACES) <= picks.count <= 30
    assert share.value <= 0.1
    assert share.low <= share.value <= share.high
    assert share.expected == pytest.approx(share.value * picks.count, abs=0.1)
    assert (share.calibration, picks.false_share_missing) == ("", "")
    figure = manifest.quality["ribosome_false_at_threshold"]
    assert figure.verdict == "good"
    jsonschema.validate(json.loads((folder / "result" / "result.json").read_text()), manifest_schema())


def test_every_reader_publishes_from_the_tomogram_s_own_threshold(made):
    """The manifest's threshold, the stars, and a session's picks made from the candidates hold the same particles."""
    folder, manifest, _ = made
    (placed,) = read_picks([read_result(folder / "result")], "ribosome")
    (candidates,) = read_picks([read_result(folder / "result")], "ribosome", threshold=0)
    picks = manifest.picks["ribosome"]
    assert len(placed.picks) == picks.count
    assert picks.threshold == pytest.approx(placed.picks.score.min())
    assert (placed.picks.false_share <= 0.1).all()
    assert (candidates.picks.false_share[picks.count :] > 0.1).all()
    assert (np.diff(candidates.picks.false_share) >= 0).all()
    assert len(candidates.picks) == picks.candidates


def test_decoys_are_a_stage_of_their_own_where_a_rule_asks_for_them(made, tmp_path):
    _, manifest, stages = made
    assert stages == ["read", "denoise", "segment", "decoys", "interact", "pick", "measure", "write"]
    assert list(manifest.seconds) == stages
    plain = run(tmp_path, recipe())
    assert "decoys" not in plain.seconds
    written = json.dumps(plain.to_json())
    assert "false_share" not in written
    assert "false_at_threshold" not in written


def test_estimated_shares_leave_the_picks_of_a_threshold_as_they_are(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    plain, with_share = run(tmp_path / "a", recipe()), run(tmp_path / "b", recipe(decoys=True))
    one, other = plain.picks["ribosome"], with_share.picks["ribosome"]
    without = {"columns": other.columns[:-1], "strongest": [row[:-1] for row in other.strongest]}
    assert other.columns[-1] == "false_share"
    assert replace(other, false_share=None, false_share_missing="", **without) == one
    assert other.false_share is not None
    assert plain.files["preview/xy.png"] == with_share.files["preview/xy.png"]
    stars = [read_loops(tmp_path / name / "result" / "picks" / "ribosome.relion5.star")["particles"] for name in "ab"]
    assert stars[1] == stars[0] | {FALSE_SHARE: stars[1][FALSE_SHARE]}


def test_where_nothing_but_noise_is_found_the_tomogram_says_so(tmp_path):
    """At a threshold that noise reaches, most of what is picked is false: the verdict is bad, and none is published."""
    noise = balls(places=())
    manifest = run(tmp_path, recipe(false_share=0.1, threshold=0.05), noise)
    picks = manifest.picks["ribosome"]
    assert picks.count == 0
    assert (picks.false_share, picks.false_share_missing) == (None, "no candidate was published")
    figure = manifest.quality["ribosome_false_at_threshold"]
    assert figure.value > 0.6
    assert figure.verdict == manifest.verdict == "bad"
    assert "is expected to be false" in figure.reason


def test_where_there_are_few_candidates_the_threshold_decides_and_the_result_says_why(tmp_path):
    rules = recipe(false_share=0.1, candidate_threshold=0.4, threshold=0.4)
    manifest = run(tmp_path, rules, balls(places=PLACES[:3]))
    picks = manifest.picks["ribosome"]
    assert (picks.count, picks.threshold, picks.false_share) == (3, 0.4, None)
    assert picks.false_share_missing == "there are only 3 candidates, too few to be compared with decoys"
    assert manifest.quality["ribosome_false_at_threshold"].verdict == "missing"
    assert "livetomoFalseShare" not in (tmp_path / "result" / "candidates" / "ribosome.relion5.star").read_text()


def network_recipe(folder, **keys) -> Recipe:
    save_seeing_network(folder / "tiny.safetensors")
    model = {"model": str(folder / "tiny.safetensors")}
    features = [{"name": name, **model} for name in ("membrane", "ribosome", "carbon")]
    (folder / "r.toml").write_text(
        "".join(f"[[feature]]\nname = {each['name']!r}\nmodel = {each['model']!r}\n" for each in features)
        + '[[pick]]\nfeature = "ribosome"\n'
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in (MANY | keys).items())
    )
    return load_recipe(str(folder / "r.toml"))


def test_a_network_s_decoy_is_what_it_says_of_the_inverted_tomogram(tmp_path):
    """Beside it the features' own maps are as they were; only the feature that is picked is looked for again."""
    rules, models = network_recipe(tmp_path, decoys=True), Models("cpu")
    planned = plan_features(rules, GEOMETRY, models)
    volume = torch.randn(GEOMETRY.shape_zyx)
    (name,) = planned.networks()
    seen = torch.randn(planned.grid.maps.shape_zyx)
    dark, light = (SegmentationInputs(network_inputs={name: sign * seen}) for sign in (1, -1))
    inverted = segment(volume, light, planned, models)
    maps = with_decoys_(segment(volume, dark, planned, models), volume, dark, planned, models)
    assert list(maps.decoys) == ["ribosome"]
    assert torch.equal(maps.decoys["ribosome"], inverted.maps["ribosome"])
    assert not torch.equal(maps.maps["ribosome"], inverted.maps["ribosome"])
    assert [run.decoys for run in planned.runs()] == [1]


def test_interactions_keep_a_decoy_from_the_partner_itself():
    """b is gone beside c, by an earlier rule, where a and its decoy would have to keep away from it."""
    names = ("a", "b", "c")
    features = [{"name": name, "model": "blob", "diameter_angstrom": 100} for name in names]
    body = {
        "feature": features,
        "competition": {"emit": ["c"], "absorb": ["a"]},
        "interaction": [
            {"feature": "b", "avoid": "c", "radius_angstrom": 0},
            {"feature": "a", "avoid": "b", "radius_angstrom": 0},
        ],
        "pick": [{"feature": "a", "min_spacing_angstrom": 100, "decoys": True}],
        "curate": [{"feature": "a", "rule": "away", "partner": "b"}, {"feature": "a", "rule": "quantile", "lowest": 0}],
    }
    rules = Recipe.model_validate(body)
    chance = torch.Generator().manual_seed(0)
    maps = {name: torch.rand((6, 6, 6), generator=chance) for name in names}
    decoy = torch.rand((6, 6, 6), generator=chance)
    treated = treating_decoys_alike(rules, ["a"])
    assert [rule.feature for rule in treated.curate] == ["a", "a", decoy_of("a")]
    grid = TomogramGeometry((6, 6, 6), 10.0)
    changed = interact(FeatureMaps(maps, decoys={"a": decoy}), replace(plan(rules), recipe=rules))
    for name, own in {"a": maps["a"], decoy_of("a"): decoy}.items():
        alone = change_maps(maps | {"a": own}, rules, grid)["a"]
        found = changed.maps["a"] if name == "a" else changed.decoys["a"]
        assert torch.equal(found, alone)
    assert set(changed.maps) == set(names)


def test_what_depends_on_the_place_alone_is_done_to_a_decoy_too():
    rules = Recipe.model_validate(
        {
            "feature": [{"name": "a", "model": "blob", "diameter_angstrom": 100}],
            "pick": [{"feature": "a", "min_spacing_angstrom": 100, "decoys": True}],
            "curate": [
                {"feature": "a", "rule": "edge", "distance_angstrom": 9},
                {"feature": "a", "rule": "region", "z_angstrom": [0, 9]},
                {"feature": "a", "rule": "top", "number": 9},
            ],
        }
    )
    of_decoy = [rule.rule for rule in treating_decoys_alike(rules, ["a"]).curate if rule.feature == decoy_of("a")]
    assert of_decoy == ["edge", "region"]


def test_a_network_s_calibration_is_its_card_s_and_a_method_s_the_package_s(tmp_path, monkeypatch):
    of_card, of_blob = DecoyCalibration(intercept=1.0), DecoyCalibration(intercept=2.0)
    planned = plan_features(network_recipe(tmp_path, decoys=True), GEOMETRY, Models("cpu"))
    assert planned.calibration("ribosome") == (None, "")
    card = planned.packages["ribosome"].card
    body = card.model_dump(by_alias=True) | {"decoy_calibration": {"ribosome": {"intercept": 1.0}}}
    known = Card.model_validate_json(Card.model_validate(body).model_dump_json(by_alias=True))
    packages = {"ribosome": replace(planned.packages["ribosome"], card=known)}
    assert replace(planned, packages=packages).calibration("ribosome") == (of_card, "tiny")
    assert plan().calibration("ribosome") == (None, "")
    monkeypatch.setattr(decoy_calibration, "of_methods", lambda: {"blob": of_blob})
    assert plan().calibration("ribosome") == (of_blob, "blob")


def test_a_calibration_decides_what_is_published(tmp_path, monkeypatch):
    strict = DecoyCalibration(intercept=20.0)
    monkeypatch.setattr(decoy_calibration, "of_methods", lambda: {"blob": strict})
    manifest = run(tmp_path, recipe(decoys=True))
    assert manifest.picks["ribosome"].false_share.value > 0.9
    assert manifest.picks["ribosome"].false_share.calibration == "blob"


def test_a_feature_that_is_missing_has_no_decoys():
    rules = recipe(false_share=0.1)
    absent = plan(rules, missing=["ribosome"])
    assert absent.decoyed() == []
    found = pick(FeatureMaps({name: torch.zeros(GEOMETRY.shape_zyx) for name in ("ribosome", "membrane")}), absent)
    assert found.false_share(rules.pick[0]) == (None, "")
    assert found.threshold(rules.pick[0]) == rules.pick[0].threshold
