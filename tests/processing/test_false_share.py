"""The share of false picks that decoys let expect: it is a share, it rises down the list, and it holds the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livetomo.core.false_share import DecoyCalibration
from livetomo.processing.pick.false_share import FEWEST_CANDIDATES, FalseShares, NotEstimated, false_shares

SCORES = st.lists(st.floats(0, 1, width=32), min_size=FEWEST_CANDIDATES, max_size=80)
DECOYS = st.lists(st.floats(0, 1, width=32), max_size=80)
NUMBERS = st.floats(-3, 3)
CALIBRATIONS = st.builds(DecoyCalibration, NUMBERS, st.floats(0, 3), st.floats(0, 3))


def estimate(scores, decoys, calibration=None) -> FalseShares:
    ranked = np.sort(np.array(scores, np.float32))[::-1]
    found = false_shares(ranked, np.array(decoys, np.float32), calibration)
    assert isinstance(found, FalseShares)
    return found


@given(SCORES, DECOYS, st.none() | CALIBRATIONS)
def test_it_is_a_share_in_an_interval_and_never_falls_down_the_list(scores, decoys, calibration):
    found = estimate(scores, decoys, calibration)
    for column in (found.low, found.value, found.high):
        assert ((column >= 0) & (column <= 1)).all()
        assert (np.diff(column) >= 0).all()
    assert (found.low <= found.value).all()
    assert (found.value <= found.high).all()
    tied = np.diff(found.score) == 0
    assert (np.diff(found.value)[tied] == 0).all(), "what scores alike is believed alike"


@given(SCORES, DECOYS, DECOYS, st.none() | CALIBRATIONS)
def test_more_decoys_never_make_picks_more_believable(scores, decoys, more, calibration):
    few, many = estimate(scores, decoys, calibration), estimate(scores, decoys + more, calibration)
    assert (many.value >= few.value - 1e-12).all()
    assert (many.high >= few.high - 1e-9).all()


@given(SCORES, DECOYS, st.floats(0, 1))
def test_a_limit_gives_the_score_from_which_on_it_is_met(scores, decoys, limit):
    found = estimate(scores, decoys)
    threshold = found.threshold(limit)
    published = found.score >= threshold
    np.testing.assert_array_equal(published, found.value <= limit)
    whole = found.of_those_above(threshold)
    assert (whole is None) == (not published.any())
    if whole is not None:
        assert whole.value <= limit + 1e-4
        assert whole.decoys == sum(np.float32(each) >= np.float32(threshold) for each in decoys)
        assert whole.expected == pytest.approx(whole.value * published.sum(), abs=0.1)


def mixture(seed: int, true: int, false: int):
    """Scores of true candidates and of false ones, which are those of the decoys; and which are true."""
    chance = np.random.default_rng(seed)
    score = np.concatenate([chance.beta(5, 2, true), chance.beta(2, 5, false)])
    is_true = np.arange(true + false) < true
    order = np.argsort(-score)
    return score[order].astype(np.float32), is_true[order], chance.beta(2, 5, chance.poisson(false))


@pytest.mark.parametrize(("true", "false"), [(600, 200), (100, 400), (30, 300), (0, 200)])
def test_of_a_mixture_the_true_share_is_in_the_interval_nine_times_in_ten(true, false):
    within, errors = [], []
    for seed in range(60):
        score, is_true, decoys = mixture(seed, true, false)
        found = estimate(score, decoys)
        actual = np.cumsum(~is_true) / np.arange(1, len(score) + 1)
        ends = np.arange(19, len(score), 10)
        within.append((found.low[ends] <= actual[ends]) & (actual[ends] <= found.high[ends]))
        errors.append(found.value[ends] - actual[ends])
    assert np.mean(np.concatenate(within)) > 0.9
    assert abs(np.mean(np.concatenate(errors))) < (0.03 if true else 0.08), "no share is above 1"


def test_in_noise_alone_next_to_nothing_meets_a_limit():
    """At a limit of a tenth, where candidates and decoys are alike, ten of the strongest must be the candidates'."""
    counts = []
    for seed in range(400):
        score, _, decoys = mixture(seed, 0, 300)
        found = estimate(score, decoys)
        counts.append(int((found.score >= found.threshold(0.1)).sum()))
    assert np.mean(counts) < 0.5


def test_a_calibration_moves_the_share_and_its_spread_widens_the_interval():
    score, _, decoys = mixture(1, 300, 300)
    plain, more, wide = (
        estimate(score, decoys, DecoyCalibration(**given)) for given in ({}, {"intercept": 1.0}, {"spread": 1.0})
    )
    assert (more.value > plain.value).all()
    np.testing.assert_allclose(wide.value, plain.value)
    assert (wide.high >= plain.high).all()
    assert (wide.low <= plain.low).all()
    assert (wide.high - wide.low).mean() > 2 * (plain.high - plain.low).mean()


def test_of_few_candidates_nothing_is_said():
    few = false_shares(np.ones(FEWEST_CANDIDATES - 1, np.float32), np.zeros(0, np.float32))
    assert few == NotEstimated("there are only 19 candidates, too few to be compared with decoys")


@pytest.mark.parametrize("wrong", [{"decoys": -1}, {"spread": -0.1}, {"intercept": np.nan}, {"decoys": np.inf}])
def test_a_calibration_under_which_decoys_mean_nothing_is_refused(wrong):
    with pytest.raises(ValueError, match="calibration"):
        DecoyCalibration(**wrong)
