"""A pick and a particle are each other's at most once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from livetomo.evaluate.matching import Counts, count, match, recall_at

points = st.integers(0, 8).flatmap(lambda n: arrays(np.float64, (n, 3), elements=st.integers(0, 6).map(float)))


def test_a_particle_that_is_picked_twice_counts_once():
    truth = np.array([[0.0, 0, 0], [100, 0, 0]])
    found = np.array([[1.0, 0, 0], [0, 1, 0]])
    assert count(found, truth, 5.0) == Counts(1, 1, 1)


def test_a_pick_takes_the_nearest_particle_that_is_free():
    truth = np.array([[0.0, 0, 0], [3, 0, 0]])
    found = np.array([[0.5, 0, 0], [1.0, 0, 0]])
    assert match(found, truth, 5.0).tolist() == [0, 1]


def test_the_radius_itself_is_within():
    assert count(np.array([[5.0, 0, 0]]), np.zeros((1, 3)), 5.0).recall == 1


def test_nothing_to_find_and_nothing_found_is_perfect():
    nothing = count(np.zeros((0, 3)), np.zeros((0, 3)), 1.0)
    assert (nothing.recall, nothing.precision, nothing.f()) == (1, 1, 1)


def test_f_beta_is_the_weighted_harmonic_mean():
    counts = Counts(6, 2, 4)
    precision, recall = 6 / 8, 6 / 10
    assert counts.f(4) == pytest.approx(17 * precision * recall / (16 * precision + recall))


def test_recall_at_k_looks_at_the_first_k_alone():
    truth = np.array([[0.0, 0, 0], [100, 0, 0]])
    found = np.array([[0.0, 0, 0], [50, 0, 0], [100, 0, 0]])
    assert recall_at(found, truth, 5.0, (0, 1, 2, 3, 10)) == (0, 0.5, 0.5, 1, 1)


@given(points, points)
@settings(max_examples=200, deadline=None)
def test_no_one_is_matched_twice_or_too_far_and_at_least_half_of_the_best_matching_is_found(found, truth):
    owner = match(found, truth, 2.0)
    owned = owner[owner >= 0]
    assert len(set(owned.tolist())) == len(owned)
    assert (np.linalg.norm(found[owner >= 0] - truth[owned], axis=1) <= 2.0).all()
    near = np.linalg.norm(found[:, None] - truth[None], axis=2) <= 2.0
    best = near[linear_sum_assignment(near, maximize=True)].sum()
    assert best / 2 <= len(owned) <= best


@given(points, points, st.integers(0, 8))
@settings(max_examples=100, deadline=None)
def test_weaker_picks_do_not_change_how_stronger_ones_match(found, truth, k):
    assert match(found[:k], truth, 2.0).tolist() == match(found, truth, 2.0)[:k].tolist()
