"""Calibrated scores can be compared between the tomograms of a session, and nothing else about them changes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livetomo.results.calibrate import LEAST_CANDIDATES, calibrated


def sigmoid(logit):
    return (1 / (1 + np.exp(-logit))).astype(np.float32)


def logit(score):
    return np.log(score / (1 - score.astype(np.float64)))


@given(
    st.lists(arrays.arrays(np.float32, st.integers(0, 60), elements=st.floats(0, 1, width=32)), min_size=1, max_size=5)
)
def test_the_order_within_a_tomogram_stays_and_scores_are_scores(scores):
    for before, after in zip(scores, calibrated(scores), strict=True):
        assert after.shape == before.shape
        assert after.dtype == np.float32
        assert ((after >= 0) & (after <= 1)).all()
        assert (np.diff(after[np.argsort(before, kind="stable")]) >= 0).all()


def test_the_same_particles_in_tomograms_of_another_contrast_get_the_same_scores():
    seen = np.random.default_rng(1).normal(-2, 1, 200)
    scores = calibrated([sigmoid(seen), sigmoid(0.5 * seen + 1), sigmoid(2 * seen - 3)])
    for other in scores[1:]:
        np.testing.assert_allclose(other, scores[0], atol=1e-3)
    np.testing.assert_allclose(
        np.median(logit(scores[0])),
        np.median([np.median(seen) * a + b for a, b in ((1, 0), (0.5, 1), (2, -3))]),
        atol=1e-3,
    )


def test_one_odd_tomogram_does_not_move_the_others():
    rng = np.random.default_rng(2)
    alike = [sigmoid(rng.normal(-2, 1, 400)) for _ in range(5)]
    for before, after in zip(alike, calibrated([*alike, sigmoid(rng.normal(3, 0.1, 400))]), strict=False):
        assert np.abs(after - before).max() < 0.1


def test_a_session_of_one_and_a_tomogram_of_few_candidates_keep_their_scores():
    scores = sigmoid(np.linspace(-4, 3, 50))
    np.testing.assert_allclose(calibrated([scores])[0], scores, atol=1e-6)
    few = sigmoid(np.linspace(0, 3, LEAST_CANDIDATES - 1))
    one, two = calibrated([scores, few])
    np.testing.assert_array_equal(two, few)
    np.testing.assert_allclose(one, scores, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_candidates_that_all_score_the_same_are_only_moved(value):
    scores = calibrated([np.full(30, value, np.float32), sigmoid(np.linspace(-4, 3, 51))])
    assert len(set(scores[0].tolist())) == 1
    assert np.isfinite(scores[0]).all()
