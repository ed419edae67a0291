import json
import re
from importlib import resources

import pytest

from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.errors import ConfigurationError

BUILT_IN = sorted(
    entry.name.removesuffix(".toml")
    for entry in (resources.files("livetomo.config.recipe") / "builtin").iterdir()
    if entry.name.endswith(".toml")
)
FEATURE = {"name": "ribosome", "model": "blob", "diameter_angstrom": 250}


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_recipe_is_right_and_survives_its_journey_to_a_worker(name):
    recipe = load_recipe(name)
    assert Recipe.model_validate(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_a_recipe_file_is_found_beside_its_configuration(tmp_path):
    (tmp_path / "mine.toml").write_text('[[feature]]\nname = "a"\nmodel = "dense"\n')
    assert load_recipe("mine.toml", tmp_path).feature[0].name == "a"


def test_an_unknown_recipe_is_reported_with_the_known_ones():
    with pytest.raises(
        ConfigurationError, match=r'recipe "cellullar": neither a built-in recipe \(.*untrained.*\) nor'
    ):
        load_recipe("cellullar")


def test_the_hash_covers_what_is_in_force_and_nothing_else():
    short = Recipe.model_validate({"feature": [FEATURE]})
    spelt_out = Recipe.model_validate({"density": "dark", "feature": [FEATURE], "denoise": {"method": "none"}})
    other = Recipe.model_validate({"density": "bright", "feature": [FEATURE]})
    assert short.hash == spelt_out.hash
    assert short.hash != other.hash


def test_a_diameter_that_is_not_given_leaves_every_hash_as_it_was():
    """Or all results of the recipes that come with livetomo would count as made by another one."""
    assert load_recipe("untrained").hash.startswith("47dbbf65")
    assert load_recipe("cellular").hash.startswith("b8d6511e")
    pick = {"feature": FEATURE["name"], "min_spacing_angstrom": 100}
    given = Recipe.model_validate({"feature": [FEATURE], "pick": [pick | {"diameter_angstrom": 300}]})
    assert given.hash != Recipe.model_validate({"feature": [FEATURE], "pick": [pick]}).hash
    assert Recipe.model_validate(given.to_json()).hash == given.hash


def test_a_share_of_false_picks_that_is_not_asked_for_leaves_every_hash_as_it_was():
    pick = {"feature": FEATURE["name"], "min_spacing_angstrom": 100}
    plain = Recipe.model_validate({"feature": [FEATURE], "pick": [pick | {"false_share": None, "decoys": False}]})
    assert plain.hash == Recipe.model_validate({"feature": [FEATURE], "pick": [pick]}).hash
    assert not {"false_share", "decoys"} & plain.to_json()["pick"][0].keys()
    for asked in ({"false_share": 0.1}, {"decoys": True}):
        given = Recipe.model_validate({"feature": [FEATURE], "pick": [pick | asked]})
        assert given.hash != plain.hash
        assert Recipe.model_validate(given.to_json()).hash == given.hash


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"feature": [{"name": "a", "model": "dense"}]}, '"a" is found by "dense", which has no decoys'),
        (
            {"curate": [{"feature": "a", "rule": "quantile", "lowest": 0.1}]},
            '"quantile" needs a threshold, and "a" has',
        ),
        ({"curate": [{"feature": "a", "rule": "calibrate"}]}, '"calibrate" needs a threshold, and "a" has a "false_'),
        (
            {"curate": [{"feature": "a", "rule": "consensus", "partners": ["b"], "distance_angstrom": 60}]},
            '"consensus" cannot be estimated by decoys',
        ),
        (
            {"curate": [{"feature": "b", "rule": "consensus", "partners": ["a"], "distance_angstrom": 60}]},
            '"consensus" needs a threshold, and "a" has a "false_share"',
        ),
        (
            {"curate": [{"feature": "a", "rule": "distinct", "partner": "b", "distance_angstrom": 60}]},
            '"distinct" cannot be estimated by decoys',
        ),
        (
            {"curate": [{"feature": "b", "rule": "distinct", "partner": "a", "distance_angstrom": 60}]},
            '"distinct" needs a threshold, and "a" has a "false_share"',
        ),
    ],
)
def test_what_a_share_of_false_picks_cannot_go_with_is_said(tables, said):
    blob = {"model": "blob", "diameter_angstrom": 100}
    picks = [{"feature": "a", "min_spacing_angstrom": 100, "false_share": 0.1}]
    picks += [{"feature": "b", "min_spacing_angstrom": 100}]
    body = {"feature": [{"name": "a"} | blob], "pick": picks} | tables
    with pytest.raises(ValueError, match=re.escape(said)):
        Recipe.model_validate(body | {"feature": [*body["feature"], {"name": "b"} | blob]})


def test_a_whole_number_and_its_fraction_are_the_same_recipe():
    as_float = Recipe.model_validate({"feature": [FEATURE | {"diameter_angstrom": 250.0}]})
    assert Recipe.model_validate({"feature": [FEATURE]}).hash == as_float.hash


def test_the_radiation_of_most_tomograms_is_in_no_hash_and_in_no_settings():
    plain = Recipe.model_validate({"feature": [FEATURE]})
    said = Recipe.model_validate({"feature": [FEATURE], "radiation": "electrons"})
    xray = Recipe.model_validate({"feature": [FEATURE], "radiation": "xray"})
    assert said.hash == plain.hash != xray.hash
    assert "radiation" not in said.to_json()
    assert Recipe.model_validate(json.loads(json.dumps(xray.to_json()))) == xray


def test_what_undoes_the_ctf_of_an_electron_microscope_is_refused_for_x_rays(tmp_path):
    text = 'radiation = "xray"\n[denoise]\nmethod = "deconvolve"\ndefocus_angstrom = 30000\n'
    feature = '[[feature]]\nname = "droplet"\nmodel = "blob"\ndiameter_angstrom = 3000\n'
    (tmp_path / "mine.toml").write_text(text + feature)
    with pytest.raises(ConfigurationError, match=r'"deconvolve", which undoes the contrast .* Write "none" or "lowp'):
        load_recipe("mine.toml", tmp_path)
    (tmp_path / "mine.toml").write_text(text.replace("xray", "electrons") + feature)
    assert load_recipe("mine.toml", tmp_path).denoise.method == "deconvolve"
    (tmp_path / "mine.toml").write_text(text.replace("xray", "neutrons") + feature)
    with pytest.raises(ConfigurationError, match="radiation"):
        load_recipe("mine.toml", tmp_path)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"rule": "region"}, "without any, all is kept"),
        ({"rule": "region", "z_angstrom": [9, 2]}, "two numbers, the lower one first"),
        ({"rule": "region", "z_angstrom": [9]}, "two numbers, the lower one first"),
        ({"rule": "edge", "distance_angstrom": 0}, "greater than 0"),
        ({"rule": "top", "number": 0}, "greater than or equal to 1"),
        ({"rule": "distinct", "partner": "ribosome", "distance_angstrom": 9}, '"partner" is the feature itself'),
        ({"rule": "distinct", "partner": "ice", "distance_angstrom": 9}, '"ice" has no [[pick]]'),
        ({"rule": "other_recipe", "recipe": "1a2b3c4", "distance_angstrom": 9}, "8 to 64 digits of a hash"),
        ({"rule": "other_recipe", "recipe": "1a2b3c4g", "distance_angstrom": 9}, "8 to 64 digits of a hash"),
    ],
)
def test_rules_that_mean_nothing_are_refused(rule, said):
    features = [{"name": "ribosome", "model": "blob", "diameter_angstrom": 100}, {"name": "ice", "model": "dense"}]
    body = {"feature": features, "pick": [{"feature": "ribosome", "min_spacing_angstrom": 100}]}
    with pytest.raises(ValueError, match=re.escape(said)):
        Recipe.model_validate(body | {"curate": [rule | {"feature": "ribosome"}]})
