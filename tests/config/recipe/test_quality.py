"""A recipe's own limits stand in place of the published ones, and a limit of nothing is refused by name."""

from pathlib import Path

import pytest

from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.errors import ConfigurationError
from livetomo.core.quality.definitions import DEFINITIONS, Limits, judged
from livetomo.core.quality.metric import Quality
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.processing.pipeline import run as pipeline
from tests.volumes import balls, order_for, write_tomogram

FEATURE = '[[feature]]\nname = "ribosome"\nmodel = "blob"\ndiameter_angstrom = 250\n'


@pytest.fixture
def load(tmp_path: Path):
    def recipe(text: str) -> Recipe:
        path = tmp_path / "mine.toml"
        path.write_text(text if "[[feature]]" in text else FEATURE + text)
        return load_recipe(str(path))

    return recipe


def test_a_limit_stands_in_place_of_the_published_one_and_leaves_the_others(load) -> None:
    recipe = load('[[limit]]\nfigure = "thickness"\nwarn_above = 2000\n')
    assert recipe.limits == {"thickness": Limits(warn_above=2000, bad_above=5000)}
    figure = judged(Quality("thickness", 2500.0, "Å"), recipe.limits.get("thickness"))
    assert figure.verdict == "warn"
    assert judged(Quality("thickness", 2500.0, "Å")).verdict == "good"


def test_every_published_figure_may_have_a_limit_and_so_may_those_of_features(load) -> None:
    recipe = load('[[limit]]\nfigure = "ribosome_count"\nwarn_below = 20\nbad_below = 1\n')
    low = judged(Quality("ribosome_count", 0, ""), recipe.limits["ribosome_count"])
    assert (low.verdict, low.reason) == ("bad", "0 is less than the recipe's limit")
    assert judged(Quality("ribosome_count", 30, ""), recipe.limits["ribosome_count"]).verdict == "good"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[limit]]\nfigure = "thicknes"\nwarn_above = 1\n', 'no figure "thicknes". Did you mean "thickness"?'),
        ('[exclude]\nfigures = ["thicknes"]\n', 'no figure "thicknes". Did you mean "thickness"?'),
        ('[[limit]]\nfigure = "membrane_count"\nwarn_below = 1\n', 'no figure "membrane_count"'),
        ('[[limit]]\nfigure = "thickness"\n', '"thickness" has no limit: give one of warn_below, bad_below'),
        ('[[limit]]\nfigure = "thickness"\nwarn_over = 1\n', 'unknown key "warn_over"'),
        ('[[limit]]\nfigure = "thickness"\nwarn_above = 6000\n', "these are not in order"),
        (2 * '[[limit]]\nfigure = "thickness"\nwarn_above = 1000\n', '"thickness" has two limits'),
        ("[baseline]\ntomograms = 1\n", "tomograms"),
        ("[baseline]\ndeviations = -1\n", "deviations"),
    ],
)
def test_what_cannot_be_is_refused_by_name(load, text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        load(text)
    assert said in str(refusal.value)
    assert "mine.toml" in str(refusal.value)


def test_a_limit_is_part_of_what_the_hash_covers(load) -> None:
    plain = load("")
    assert load('[[limit]]\nfigure = "thickness"\nwarn_above = 2000\n').hash != plain.hash
    assert load("[baseline]\ndeviations = 4\n").hash != plain.hash
    assert plain.to_json()["baseline"] == {"tomograms": 8, "deviations": 5.0}


def test_published_limits_are_in_order() -> None:
    for measure in DEFINITIONS.values():
        limits = measure.limits
        bounds = [limits.bad_below, limits.warn_below, limits.warn_above, limits.bad_above]
        known = [limit for limit in bounds if limit is not None]
        assert known == sorted(known), measure.name


def test_a_recipe_s_limits_count_in_its_results(tmp_path: Path) -> None:
    settings = load_recipe("untrained").to_json()
    settings["limit"] = [{"figure": "ribosome_count", "bad_below": 100}]
    order = order_for(write_tomogram(tmp_path / "TS_01.mrc", balls()), Recipe.model_validate(settings))
    made = pipeline.run(order, tmp_path / "result")
    assert (made.quality["ribosome_count"].verdict, made.verdict) == ("bad", "bad")


def test_published_limits_that_hold_for_electrons_do_not_complete_those_of_an_x_ray_recipe(load) -> None:
    limit = '[[limit]]\nfigure = "thickness"\nwarn_above = 60000\n'
    with pytest.raises(ConfigurationError, match="not in order"):
        load(FEATURE + limit)
    recipe = load('radiation = "xray"\n' + FEATURE + limit)
    assert recipe.limits == {"thickness": Limits(warn_above=60000)}


def test_an_x_ray_tomogram_is_not_judged_as_one_of_electrons(tmp_path: Path) -> None:
    facts = SidecarFacts(tilt_min_degrees=-30.0, tilt_max_degrees=30.0, thickness_angstrom=60000.0)
    path = write_tomogram(tmp_path / "TS_01.mrc", balls())
    made = {}
    for radiation in ("electrons", "xray"):
        recipe = Recipe.model_validate(load_recipe("untrained").to_json() | {"radiation": radiation})
        made[radiation] = pipeline.run(order_for(path, recipe, facts=facts), tmp_path / radiation)
    figures = {radiation: manifest.quality for radiation, manifest in made.items()}
    for name, verdict in (("tilt_range", "warn"), ("declared_thickness", "bad"), ("dense_share", "good")):
        assert (figures["electrons"][name].verdict, figures["xray"][name].verdict) == (verdict, "unjudged")
        assert figures["electrons"][name].value == figures["xray"][name].value
        assert figures["xray"][name].reason == ""
    assert figures["xray"]["finite_share"].verdict == "good", "a number is a number, whatever the beam"
    assert made["electrons"].verdict == "bad"
    assert made["xray"].verdict in ("good", "unjudged")
    assert made["xray"].recipe.settings["radiation"] == "xray"
