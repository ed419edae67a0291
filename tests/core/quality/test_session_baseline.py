"""What is unusual for a session is said with its numbers, and what is usual is left alone."""

import random

import pytest

from livetomo.core.manifest import RecipeUsed, ResultManifest
from livetomo.core.quality.metric import Quality
from livetomo.core.quality.session_baseline import Usual, Values, judged
from tests.publish.event_logs import manifest, named

CALM = [1480.0, 1510.0, 1495.0, 1550.0, 1460.0, 1520.0, 1500.0, 1475.0, 1530.0, 1505.0]


def result(*figures: Quality, **baseline: float) -> ResultManifest:
    recipe = RecipeUsed("untrained", "00", {"baseline": baseline} if baseline else {})
    return manifest(quality=named(*figures), verdict="good", recipe=recipe)


def session(name: str, values: list[float]) -> list[Values]:
    return [{name: value} for value in values]


def verdict(figure: Quality, earlier: list[Values], **baseline: float) -> tuple[str, str]:
    after = judged(result(figure, **baseline), earlier).quality[figure.name]
    return after.verdict, after.reason


def test_a_figure_far_from_the_session_s_median_is_said_to_be_unusual_with_both_numbers() -> None:
    said = verdict(Quality("thickness", 2600.0, "Å"), session("thickness", CALM))
    assert said == (
        "warn",
        "unusual for this session: thickness 2,600 Å, where 10 tomograms have 1,502 ± 75.1 Å",
    )


def test_a_figure_like_the_others_is_left_alone() -> None:
    assert verdict(Quality("thickness", 1600.0, "Å"), session("thickness", CALM)) == ("unjudged", "")


def test_nothing_is_unusual_before_there_are_enough_tomograms() -> None:
    figure = Quality("thickness", 9000.0, "Å")
    assert verdict(figure, session("thickness", CALM[:7])) == ("unjudged", "")
    assert verdict(figure, session("thickness", CALM[:8]))[0] == "warn"
    assert verdict(figure, session("thickness", CALM[:4]), tomograms=4)[0] == "warn"
    assert verdict(figure, session("thickness", CALM), deviations=0) == ("unjudged", "")


def test_what_is_bad_stays_bad_and_keeps_its_reason() -> None:
    figure = Quality("thickness", 6000.0, "Å", "bad", "too thick")
    word, reason = verdict(figure, session("thickness", CALM))
    assert word == "bad"
    assert reason.startswith("too thick; unusual for this session: ")


def test_a_few_strays_do_not_make_strays_usual() -> None:
    strays = [*CALM, 5000.0, 5200.0, 400.0]
    assert verdict(Quality("thickness", 5100.0, "Å"), session("thickness", strays))[0] == "warn"


@pytest.mark.parametrize(
    ("name", "unit", "usual", "fine", "trouble"),
    [
        ("band_snr", "", [1.0, 1.1, 0.9, 1.05, 0.95, 1.0, 1.1, 0.9], 5.0, 0.02),
        ("ctf_resolution", "Å", [10.0, 11.0, 9.5, 10.5, 10.0, 11.0, 9.0, 10.0], 2.0, 19.0),
        ("contamination_share", "", [0.0, 0.001, 0.0, 0.002, 0.0, 0.001, 0.0, 0.0], 0.01, 0.2),
        ("ribosome_count", "", [200.0, 220.0, 190.0, 210.0, 205.0, 195.0, 200.0, 215.0], 900.0, 1.0),
    ],
)
def test_only_the_troubling_side_of_a_figure_is_unusual(
    name: str, unit: str, usual: list[float], fine: float, trouble: float
) -> None:
    earlier = session(name, usual * 2)
    assert verdict(Quality(name, fine, unit), earlier)[0] == "unjudged"
    assert verdict(Quality(name, trouble, unit), earlier)[0] == "warn"


def test_a_figure_that_hardly_varies_does_not_make_a_small_change_unusual() -> None:
    earlier = session("tilt_range", [120.0] * 20)
    assert verdict(Quality("tilt_range", 114.0, "°"), earlier)[0] == "unjudged"
    assert verdict(Quality("tilt_range", 60.0, "°"), earlier)[0] == "warn"
    assert Usual.of([0.0] * 8, "made up").deviations(3.0) == 0.0


@pytest.mark.parametrize(("axis", "deviation"), [(-179.5, 0.5), (178.9, 1.1), (174.0, 6.0), (0.0, 180.0)])
def test_the_tilt_axis_is_compared_with_the_session_s_around_the_circle(axis: float, deviation: float) -> None:
    earlier = session("tilt_axis", [179.9, -179.9, 180.0, -179.8, 179.8, 180.0, 179.7, -179.7])
    after = judged(result(Quality("tilt_axis", axis, "°")), earlier)
    figure = after.quality["tilt_axis_deviation"]
    assert figure.value == pytest.approx(deviation, abs=0.06)
    assert after.quality["tilt_axis"].verdict == "unjudged"
    assert after.verdict == figure.verdict == ("good" if deviation < 1.5 else "warn")


@pytest.mark.parametrize(("tomograms", "most"), [(8, 0.003), (12, 0.0015), (50, 0.0005)])
def test_tomograms_that_are_alike_are_seldom_called_unusual(tomograms: int, most: float) -> None:
    chance = random.Random(tomograms)
    called = 0
    for _ in range(20_000):
        usual = Usual.of([chance.gauss() for _ in range(tomograms)], "made up")
        called += abs(usual.deviations(chance.gauss())) > 5
    assert called / 20_000 < most


def test_the_rest_of_a_result_stays_as_it_is() -> None:
    own = result(Quality("thickness", 1500.0, "Å"), Quality("band_snr", None, "", "missing", "no halves"))
    assert judged(own, session("thickness", CALM)) == own


@pytest.mark.parametrize(
    ("limit", "verdict"), [({}, "warn"), ({"warn_above": 8.0}, "good"), ({"bad_above": 5.0}, "bad")]
)
def test_a_recipe_s_limit_of_the_tilt_axis_counts(limit: dict[str, float], verdict: str) -> None:
    said = [{"figure": "tilt_axis_deviation", "warn_below": None, **limit}] if limit else []
    recipe = RecipeUsed("mine", "00", {"limit": said})
    own = manifest(quality=named(Quality("tilt_axis", 6.0, "°")), verdict="unjudged", recipe=recipe)
    after = judged(own, session("tilt_axis", [0.0] * 8))
    assert after.verdict == after.quality["tilt_axis_deviation"].verdict == verdict
