"""A figure's verdict comes from limits, its own or a recipe's, and says why."""

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetomo.core.quality.definitions import (
    DEFINITIONS,
    Definition,
    Limits,
    Side,
    definition_of,
    judged,
    limits_in_force,
)
from livetomo.core.quality.metric import Quality, Verdict, worst
from livetomo.core.quality.session_verdict import session_verdict


@pytest.mark.parametrize(
    ("value", "verdict"), [(-1, "bad"), (0, "warn"), (1, "good"), (5, "good"), (8, "good"), (8.1, "warn"), (9.1, "bad")]
)
def test_limits_divide_values_and_are_good_themselves(value, verdict):
    assert Limits(warn_below=1, bad_below=0, warn_above=8, bad_above=9).verdict(value) == verdict


@pytest.mark.parametrize("figure", DEFINITIONS.values(), ids=lambda figure: figure.name)
def test_a_figures_table_says_what_it_may_say(figure: Definition) -> None:
    assert figure.definition
    assert figure.trouble in (None, *get_args(Side))
    assert figure.needs in (None, "extent", "picks")
    assert list(figure.buckets or ()) == sorted(figure.buckets or ())
    assert bool(figure.source) == (figure.limits != Limits() or bool(figure.words))


@given(name=st.sampled_from(sorted(DEFINITIONS)), value=st.floats(-1e6, 1e6), limited=st.booleans())
def test_good_is_only_what_has_met_a_limit(name: str, value: float, limited: bool) -> None:
    own = Limits(warn_above=value) if limited else None
    verdict = judged(Quality(name, value, DEFINITIONS[name].unit), own).verdict
    limits = own or DEFINITIONS[name].limits
    assert verdict == (limits.verdict(value) if limits != Limits() else "unjudged")
    assert (verdict == "good") <= (limits != Limits())


def test_without_limits_nothing_is_good() -> None:
    assert judged(Quality("band_snr", 1e9, "")).verdict == "unjudged"
    assert judged(Quality("of_nobody", 1e9, "")).verdict == "unjudged"
    assert judged(Quality("contrast", 3.0, "", "good")).verdict == "good", "that it is not empty was looked for"


@given(st.lists(st.sampled_from(get_args(Verdict))))
def test_the_whole_is_good_only_where_a_part_was_judged_so_and_none_is_worse(parts: list[Verdict]) -> None:
    whole = worst(parts)
    assert (whole == "good") == ("good" in parts and not {"warn", "bad"} & set(parts))
    assert (whole == "unjudged") == ("unjudged" in parts and not {"good", "warn", "bad"} & set(parts))
    assert (whole == "missing") == (set(parts) <= {"missing"})


@given(st.lists(st.sampled_from(get_args(Verdict)), min_size=3, max_size=10), st.sampled_from(get_args(Verdict)))
def test_a_session_is_good_only_where_a_tomogram_is(last: list[Verdict], before: Verdict) -> None:
    assert (session_verdict(last, before) == "good") <= ("good" in last)
    assert session_verdict(["unjudged"] * 3, "missing") == "unjudged"


def test_a_recipe_s_limits_stand_in_place_of_the_measure_s_own():
    thick = Quality("thickness", 4000.0, "Å")
    assert judged(thick).verdict == "warn"
    assert "scatter in it more than once" in judged(thick).reason
    assert judged(thick, Limits(warn_above=4500)).verdict == "good"
    assert judged(thick, Limits(bad_above=2000)).verdict == "bad"
    assert judged(Quality("band_snr", 0.1, ""), Limits(warn_below=0.2)).reason == "0.1 is less than the recipe's limit"


def test_what_was_found_wrong_by_other_signs_stays_so():
    dead = Quality("halves_agreement", 0.0, "", "bad", "the even half is dead")
    missing = Quality("thickness", None, "Å", "missing", "no face")
    assert judged(dead, Limits(warn_above=-1)) is dead
    assert judged(missing, Limits(warn_below=1)) is missing


@pytest.mark.parametrize(
    ("name", "measure"),
    [
        ("thickness", "thickness"),
        ("ribosome_score_median", "<feature>_score_median"),
        ("outer_membrane_slab_density", "<feature>_slab_density"),
        ("outer_membrane_density", "<feature>_density"),
        ("contamination_share", "contamination_share"),
        ("membrane_share", "<feature>_share"),
        ("_share", None),
        ("nobody", None),
    ],
)
def test_a_figure_is_found_by_its_name_whatever_the_feature(name, measure):
    found = definition_of(name)
    assert (found and found.name) == measure


@pytest.mark.parametrize("measure", DEFINITIONS.values(), ids=lambda measure: measure.name)
def test_every_limit_has_a_source_and_says_what_is_beyond_it(measure):
    limits = measure.limits
    if limits != Limits() or measure.words:
        assert measure.source
    assert bool(measure.low) == (limits.warn_below is not None or limits.bad_below is not None)
    assert bool(measure.high) == (limits.warn_above is not None or limits.bad_above is not None)
    assert measure.definition


ELECTRONS_ALONE = ("thickness", "declared_thickness", "tilt_range", "ctf_resolution", "ctf_score", "defocus", "focus")


@pytest.mark.parametrize("name", ELECTRONS_ALONE)
def test_what_holds_for_electrons_alone_does_not_judge_an_x_ray_tomogram(name: str) -> None:
    limits = DEFINITIONS[name].limits
    beyond = (limits.warn_below or limits.warn_above or 0) * (0.5 if limits.warn_below else 2)
    figure = Quality(name, beyond, DEFINITIONS[name].unit)
    assert judged(figure).verdict in ("warn", "bad")
    assert judged(figure, radiation="xray") == figure, "it stays, and is unjudged"
    own = judged(figure, limits_in_force(name, {"warn_above": beyond - 1e-3}, "xray"), "xray")
    assert own.verdict == "warn", "a recipe's own limit is meant for its own tomograms"


def test_of_signs_too_those_count_that_hold_for_x_rays() -> None:
    beyond = Quality("thickness", 900.0, "Å", "warn", "its lower face lies beyond the volume")
    assert judged(beyond, radiation="xray") == Quality("thickness", 900.0, "Å")
    light = Quality("density_skew", -1.0, "", "warn", "compact things are light")
    assert judged(light, radiation="xray") == Quality("density_skew", -1.0, "")
    coarse = Quality("halves_agreement", 0.01, "", "warn", "they agree in coarse structures")
    assert judged(coarse, radiation="xray") == Quality("halves_agreement", 0.01, "")
    for sound in (Quality("halves_agreement", 0.0, "", "bad", "dead"), Quality("finite_share", 0.5, "")):
        assert judged(sound, radiation="xray").verdict == "bad"


@pytest.mark.parametrize("measure", DEFINITIONS.values(), ids=lambda measure: measure.name)
def test_a_limit_holds_for_x_rays_or_does_not(measure: Definition) -> None:
    """A number judges all three ways or none; a check in words may have some."""
    if measure.limits != Limits():
        assert measure.xray in ((), ("good", "warn", "bad"))
    if measure.limits == Limits() and not measure.words:
        assert measure.xray == ("good", "warn", "bad"), "there is nothing to except"


def test_limits_that_a_recipe_does_not_say_are_the_published_ones_where_these_hold() -> None:
    assert limits_in_force("thickness", {"warn_above": 1.0}) == Limits(warn_above=1.0, bad_above=5000)
    assert limits_in_force("thickness", {"warn_above": 1.0}, "xray") == Limits(warn_above=1.0)
    assert limits_in_force("finite_share", {"warn_below": 0.5}, "xray") == Limits(warn_below=0.5, bad_below=0.99)
