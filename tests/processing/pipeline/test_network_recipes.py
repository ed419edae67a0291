"""A network as a recipe's method: found, refused, run once for all of its features, and named where results are."""

import json
import re
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch
from click.testing import CliRunner

from livetomo.cli import livetomo_command
from livetomo.config.model_card import read_card, shipped
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.errors import ConfigurationError
from livetomo.core.events import result_events
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import NetworkUsed
from livetomo.evaluate.model import candidates, segment_file
from livetomo.processing.networks.package import ModelAway, Models
from livetomo.processing.pipeline import feature_maps
from livetomo.processing.pipeline import run as pipeline
from livetomo.processing.pipeline.feature_plan import plan_features
from livetomo.results.manifest import read_manifest
from tests.networks import FEATURES, save_seeing_network
from tests.volumes import VOXEL_ANGSTROM, balls, order_for, write_tomogram

PLACES = np.array([(24, 20, 20), (20, 60, 25), (30, 40, 60)])
FEATURE = '[[feature]]\nname = "{0}"\nmodel = "tiny.safetensors"\n'
COARSE = 'model = "tiny.safetensors"\ncoarse_model = "{0}.safetensors"\n'
PICK = '[[pick]]\nfeature = "ribosome"\ncandidate_threshold = 0.01\nmin_spacing_angstrom = 200\n'
# Networks see the volume as it was read: the filter here must change nothing.
TOP = 'keep = ["labels", "probabilities"]\n[denoise]\nmethod = "lowpass"\nresolution_angstrom = 100\n'
RECIPE = TOP + "".join(map(FEATURE.format, FEATURES)) + PICK


@pytest.fixture
def place(tmp_path: Path) -> Path:
    save_seeing_network(tmp_path / "tiny.safetensors")
    (tmp_path / "mine.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The result of a tomogram, by the command line, and the folder of its model and recipe."""
    folder = tmp_path_factory.mktemp("network")
    save_seeing_network(folder / "tiny.safetensors")
    (folder / "mine.toml").write_text(RECIPE)
    path = write_tomogram(folder / "TS_01.mrc", balls())
    arguments = ["process", path, "--recipe", folder / "mine.toml", "--output", folder / "out", "--device", "cpu"]
    done = CliRunner().invoke(livetomo_command, [*map(str, arguments), "--json"], catch_exceptions=False)
    (row,) = json.loads(done.stdout)
    result = Path(row["folder"])
    return folder, result, read_manifest(result)


def test_picks_are_those_that_the_network_is_evaluated_by(made):
    folder, _, manifest = made
    found = segment_file(folder / "tiny.safetensors", folder / "TS_01.mrc")
    stored = candidates(found, "ribosome", TomogramGeometry((48, 80, 80), VOXEL_ANGSTROM))
    assert manifest.picks["ribosome"].candidates == len(stored.score)
    strongest = np.array(manifest.picks["ribosome"].strongest)
    np.testing.assert_allclose(strongest[:, 3], stored.score[: len(strongest)], atol=1e-3)
    np.testing.assert_allclose(strongest[:3, :3], stored.xyz_angstrom[:3], atol=0.2)
    for at in PLACES:
        assert np.linalg.norm(strongest[:3, 2::-1] / VOXEL_ANGSTROM - at, axis=1).min() < 1


def test_circles_are_as_large_as_the_particle_not_as_its_spacing(made):
    """The recipe's spacing is 200 Å, a ribosome is larger."""
    _, _, manifest = made
    assert manifest.picks["ribosome"].diameter_angstrom == 250


def test_the_result_says_which_network_made_it(made):
    folder, _, manifest = made
    digest = load_recipe(str(folder / "mine.toml")).feature[0].sha256
    (network,) = manifest.provenance.models.values()
    assert network == NetworkUsed("tiny", digest, 3)
    assert manifest.recipe.settings["feature"][0]["sha256"] == digest


def test_labels_lie_over_the_tomogram_at_the_network_s_voxel_size(made):
    _, result, manifest = made
    assert manifest.labels == {"membrane": 1, "ribosome": 2, "carbon": 3}
    with mrcfile.open(result / "labels.mrc") as file:
        assert file.data.dtype == np.int8
        assert file.data.shape == (40, 67, 67)
        assert file.voxel_size.z == pytest.approx(30, rel=0.01)
        assert file.header.cella.x == pytest.approx(80 * VOXEL_ANGSTROM)
        assert file.header.origin.tolist() == (100, 200, 300)
        assert set(np.unique(file.data)) == {0, 1, 3}
        for z, y, x in np.rint(PLACES * VOXEL_ANGSTROM / 30).astype(int):
            assert file.data[z, y, x] == 1


def test_kept_probabilities_lie_on_the_tomogram_s_own_grid(made):
    _, result, _ = made
    with mrcfile.open(result / "probabilities" / "membrane.mrc") as file:
        assert file.data.shape == (48, 80, 80)
        assert file.voxel_size.x == pytest.approx(VOXEL_ANGSTROM)
        values = file.data[tuple(PLACES.T)]
        assert (values > 64).all()
        assert file.data.mean() < 20


def test_one_run_serves_every_feature_of_a_package(place, monkeypatch):
    runs = []
    segment = feature_maps.segment_canonical

    def counted(*arguments, **options):
        runs.append(options["mirrors"])
        return segment(*arguments, **options)

    monkeypatch.setattr(feature_maps, "segment_canonical", counted)
    text = RECIPE + FEATURE.format("other") + 'channel = "membrane"\nmirrors = 2\n'
    (place / "mine.toml").write_text(text)
    recipe = load_recipe("mine.toml", place)
    path = write_tomogram(place / "TS_01.mrc", balls(shape=(16, 32, 32), places=()))
    pipeline.run(order_for(path, recipe), place / "r")
    assert sorted(runs) == [1, 2]


@pytest.mark.parametrize(("own", "used"), [(VOXEL_ANGSTROM - 1, "tiny"), (VOXEL_ANGSTROM, "fine")])
def test_a_tomogram_with_larger_voxels_than_a_network_sees_goes_to_the_coarse_one(place, own, used):
    save_seeing_network(place / "fine.safetensors", voxel_size=own, name="fine")
    coarse = 'model = "fine.safetensors"\ncoarse_model = "tiny.safetensors"'
    (place / "mine.toml").write_text(RECIPE.replace('model = "tiny.safetensors"', coarse))
    path = write_tomogram(place / "TS_01.mrc", balls())
    manifest = pipeline.run(order_for(path, load_recipe("mine.toml", place)), place / "r")
    assert [network.name for network in manifest.provenance.models.values()] == [used]
    with mrcfile.open(place / "r" / "labels.mrc", header_only=True) as file:
        assert file.voxel_size.x == pytest.approx({"tiny": 30, "fine": own}[used], rel=0.01)


@pytest.mark.parametrize(
    ("voxel", "fine", "coarse", "used"),
    [
        (25.0, (2.0, 40.0), (20.0, 45.0), "fine"),
        (35.0, (2.0, 40.0), (20.0, 45.0), "coarse"),
        (25.0, (2.0, 20.0), (20.0, 45.0), "coarse"),
        (35.0, (2.0, 40.0), (40.0, 60.0), "fine"),
        (25.0, (2.0, 20.0), (30.0, 45.0), None),
        (50.0, (2.0, 20.0), (20.0, 45.0), None),
    ],
)
def test_where_one_network_was_not_evaluated_the_other_that_the_recipe_names_is_run(place, voxel, fine, coarse, used):
    save_seeing_network(place / "fine.safetensors", name="fine", voxel_range_angstrom=fine)
    save_seeing_network(place / "coarse.safetensors", name="coarse", voxel_size=40, voxel_range_angstrom=coarse)
    both = 'model = "fine.safetensors"\ncoarse_model = "coarse.safetensors"'
    (place / "mine.toml").write_text(RECIPE.replace('model = "tiny.safetensors"', both))
    plan = plan_features(load_recipe("mine.toml", place), TomogramGeometry((16, 32, 32), voxel), Models("cpu"))
    assert {package.card.name for package in plan.packages.values()} == ({used} if used else set())
    assert set(plan.missing) == (set() if used else set(FEATURES))


def test_features_of_a_network_and_of_none_share_a_grid(place):
    text = (
        RECIPE
        + '[[feature]]\nname = "ball"\nmodel = "blob"\ndiameter_angstrom = 250\n'
        + '[[feature]]\nname = "sheet"\nmodel = "ridge"\n[[feature]]\nname = "ice"\nmodel = "dense"\n'
        + '[[interaction]]\nfeature = "ball"\navoid = "ice"\n[[interaction]]\nfeature = "ribosome"\navoid = "ice"\n'
        + '[[pick]]\nfeature = "ball"\nmin_spacing_angstrom = 200\n'
    )
    (place / "mine.toml").write_text(text)
    volume = balls()
    volume[22:27, 18:23, 25:27] = -60
    path = write_tomogram(place / "TS_01.mrc", volume)
    manifest = pipeline.run(order_for(path, load_recipe("mine.toml", place)), place / "r")
    found = np.array(manifest.picks["ball"].strongest)[:, 2::-1] / VOXEL_ANGSTROM
    assert len(found) == 2
    for at in PLACES[1:]:
        assert np.linalg.norm(found - at, axis=1).min() < 0.7


def test_a_feature_that_the_model_does_not_know_is_refused_by_check(place):
    (place / "mine.toml").write_text(FEATURE.format("proteasome"))
    done = CliRunner().invoke(livetomo_command, ["check", str(place / "mine.toml")])
    assert done.exit_code == 2
    assert 'feature "proteasome": model "tiny.safetensors" does not know "proteasome", its "name"' in done.stderr
    assert "it knows membrane, ribosome, carbon" in done.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('model = "absent.safetensors"\n', "there is no such model"),
        ('model = "mine.toml.safetensors"\n', "is not a model package"),
        ('model = "tiny.safetensors"\nchannel = "ribosom"\n', 'does not know "ribosom", its "channel"; it knows'),
        ('model = "tiny.safetensors"\nsha256 = "00ff"\n', 'is another file than "sha256" says'),
        (COARSE.format("absent"), 'coarse_model "absent.safetensors": '),
        ('model = "blob"\ncoarse_model = "ridge"\n', 'unknown key "coarse_model"'),
        ('model = "tiny.safetensors"\ncoarse_model = "ridge"\n', 'coarse_model "ridge" is not a package'),
        (COARSE.format("tiny") + 'coarse_sha256 = "00ff"\n', 'is another file than "coarse_sha256" says'),
        ('model = "tiny.safetensors"\ndiameter_angstrom = 3\n', 'unknown key "diameter_angstrom"'),
    ],
)
def test_what_is_wrong_with_a_model_is_said_where_it_is_named(place, more, words):
    (place / "mine.toml.safetensors").write_text("no package")
    (place / "mine.toml").write_text('[[feature]]\nname = "ribosome"\n' + more)
    with pytest.raises(ConfigurationError) as refusal:
        load_recipe("mine.toml", place)
    assert str(refusal.value).startswith(f'{place / "mine.toml"}: feature "ribosome": ')
    assert words in str(refusal.value)


@pytest.mark.parametrize("changed", ["tiny", "coarse"])
def test_another_model_is_another_recipe_and_a_moved_one_is_not(place, changed):
    save_seeing_network(place / "coarse.safetensors", voxel_size=40)
    (place / "mine.toml").write_text(RECIPE.replace('model = "tiny.safetensors"\n', COARSE.format("coarse")))
    before = load_recipe("mine.toml", place)
    moved = place / "moved"
    moved.mkdir()
    for name in ("tiny.safetensors", "coarse.safetensors", "mine.toml"):
        (moved / name).write_bytes((place / name).read_bytes())
    assert load_recipe("mine.toml", moved).hash == before.hash
    save_seeing_network(place / f"{changed}.safetensors", sharp=5.0)
    assert load_recipe("mine.toml", place).hash != before.hash


def test_a_recipe_that_was_read_travels_without_its_model(place):
    recipe = load_recipe("mine.toml", place)
    (place / "tiny.safetensors").unlink()
    again = Recipe.model_validate(json.loads(json.dumps(recipe.to_json())))
    assert again == recipe
    assert again.hash == recipe.hash


def test_a_model_that_is_gone_or_another_by_now_is_said_and_tried_again(place):
    recipe = load_recipe("mine.toml", place)
    order = order_for(write_tomogram(place / "TS_01.mrc", balls(shape=(16, 32, 32), places=())), recipe)
    save_seeing_network(place / "tiny.safetensors", sharp=5.0)
    with pytest.raises(ModelAway, match="is another file by now"):
        pipeline.run(order, place / "r")
    (place / "tiny.safetensors").unlink()
    with pytest.raises(ModelAway, match="cannot be read"):
        pipeline.run(order, place / "r")
    assert ModelAway.kind == "transient"


def test_a_model_is_read_once_in_a_worker_s_life(place):
    feature = load_recipe("mine.toml", place).feature[0]
    models = Models("cpu")
    first = models.get(feature.model, feature.sha256)
    (place / "tiny.safetensors").unlink()
    assert models.get(feature.model, feature.sha256) is first
    assert torch.is_tensor(first.network.head.weight)


def test_models_are_listed_and_their_cards_shown(place):
    done = CliRunner().invoke(livetomo_command, ["models", "list", str(place), "--json"], catch_exceptions=False)
    listed = {one["name"]: one for one in json.loads(done.stdout)}["tiny"]
    assert listed["features"] == list(FEATURES)
    assert listed["sha256"] == load_recipe("mine.toml", place).feature[0].sha256
    assert listed["bytes"] == (place / "tiny.safetensors").stat().st_size
    table = CliRunner().invoke(livetomo_command, ["models", "list", str(place)]).stdout
    assert re.search(r"tiny +membrane ribosome carbon +30 Å", table)
    shown = CliRunner().invoke(livetomo_command, ["models", "show", str(place / "tiny.safetensors")]).stdout
    assert "features             membrane, ribosome, carbon" in shown
    refused = CliRunner().invoke(livetomo_command, ["models", "show", "celular"])
    assert 'model "celular": does not come with livetomo' in str(refused.exception)


RANGE = (2.5, 45.0)  # of a network of 30 Å that does not say its own


@pytest.mark.parametrize(
    ("voxel", "runs"), [(2.4, False), (2.6, True), (25.0, True), (44.0, True), (46.0, False), (900.0, False)]
)
def test_a_network_is_not_run_outside_the_voxel_range_of_its_card(place, monkeypatch, voxel, runs):
    seen = []
    segment = feature_maps.segment_canonical

    def counted(*arguments, **options):
        seen.append(arguments[1].shape)
        return segment(*arguments, **options)

    monkeypatch.setattr(feature_maps, "segment_canonical", counted)
    path = write_tomogram(place / "TS_01.mrc", balls(shape=(16, 32, 32), places=()), voxel)
    manifest = pipeline.run(order_for(path, load_recipe("mine.toml", place)), place / "r")
    assert bool(seen) == runs
    picks, quality = manifest.picks["ribosome"], manifest.quality
    if runs:
        assert picks.missing == ""
        return
    reason = f"voxels of {voxel:g} Å are outside the range in which the network tiny was evaluated, 2.5 to 45 Å"
    assert (picks.count, picks.candidates, picks.missing) == (0, 0, reason)
    for name in ("membrane_share", "carbon_volume", "ribosome_count", "ribosome_density"):
        assert (quality[name].value, quality[name].verdict, quality[name].reason) == (None, "missing", reason)
    assert quality["voxel_size"].verdict == manifest.verdict == "warn"
    assert f"ribosome is missing: {reason}." in manifest.warnings
    assert manifest.provenance.models == {}
    (picks,) = [event for event in result_events(manifest, "/r") if event.kind == "picks"]
    assert picks.body["missing"] == reason


def test_the_card_says_its_range_and_an_old_one_has_one_by_its_voxels(place):
    card = read_card(place / "tiny.safetensors")
    assert (card.lowest_voxel_angstrom, card.highest_voxel_angstrom) == RANGE
    said = card.model_copy(update={"voxel_range_angstrom": (8.0, 12.0)})
    assert [bool(said.unfit(size)) for size in (7.9, 8.0, 12.0, 12.1)] == [True, False, False, True]
    for path, low, high in ((shipped()["cellular"], 2, 36), (shipped()["cellular-coarse"], 2.5, 45)):
        card = read_card(path)
        assert (card.lowest_voxel_angstrom, card.highest_voxel_angstrom) == (low, high)


def test_what_is_only_looked_for_beside_a_missing_feature_is_missing_too_and_the_rest_goes_on(place):
    text = (
        RECIPE
        + '[[feature]]\nname = "ball"\nmodel = "blob"\ndiameter_angstrom = 4000\n'
        + '[[feature]]\nname = "near"\nmodel = "blob"\ndiameter_angstrom = 4000\n'
        + '[[interaction]]\nfeature = "near"\ncolocalize = "membrane"\n'
        + '[[interaction]]\nfeature = "ball"\navoid = "carbon"\n'
        + '[[pick]]\nfeature = "ball"\nmin_spacing_angstrom = 200\n'
        + '[[pick]]\nfeature = "near"\nmin_spacing_angstrom = 200\n'
        + '[[curate]]\nfeature = "ball"\nrule = "distinct"\npartner = "near"\ndistance_angstrom = 200\n'
    )
    (place / "mine.toml").write_text(text)
    path = write_tomogram(place / "TS_01.mrc", balls(diameter=250), 400.0)
    manifest = pipeline.run(order_for(path, load_recipe("mine.toml", place)), place / "r")
    assert manifest.picks["ball"].count == 3
    assert manifest.picks["ball"].missing == ""
    assert manifest.picks["near"].missing.startswith("it is looked for beside membrane, which is missing: voxels of")
    assert "ball could not be kept away from carbon, which is missing." in manifest.warnings
    assert "ball could not be kept away from near, which is missing." in manifest.warnings
