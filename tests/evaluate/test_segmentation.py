"""Figures of a segmentation are those of their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livetomo.evaluate.segmentation import curve, recall_by_orientation, where_seen


@given(st.integers(0, 2**31), st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_dice_and_recall_are_those_of_the_masks(seed, threshold):
    rng = np.random.default_rng(seed)
    probability, truth = rng.integers(0, 256, (6, 7, 8)) / 256, rng.random((6, 7, 8)) < 0.3
    claimed = np.floor(probability * 256) >= np.ceil(threshold * 256)
    found = curve(probability, truth)
    assert found.dice(threshold) == pytest.approx(2 * (claimed & truth).sum() / (claimed.sum() + truth.sum()))
    assert found.recall(threshold) == pytest.approx((claimed & truth).sum() / truth.sum())


def test_a_perfect_map_has_average_precision_one_and_noise_about_the_prevalence():
    truth = np.random.default_rng(0).random((20, 20, 20)) < 0.2
    assert curve(truth.astype(float), truth).average_precision() == 1
    noise = np.random.default_rng(1).random((20, 20, 20))
    assert curve(noise, truth).average_precision() == pytest.approx(0.2, abs=0.03)


def test_curves_of_volumes_add():
    truth = np.array([[[True, False]]])
    one, two = curve(np.array([[[0.9, 0.1]]]), truth), curve(np.array([[[0.1, 0.9]]]), truth)
    assert (one + two).dice() == pytest.approx(0.5)


def test_nothing_claimed_of_nothing_is_perfect():
    assert curve(np.zeros((2, 2, 2)), np.zeros((2, 2, 2), bool)).dice() == 1


def test_recall_by_orientation_counts_walls_and_floors_apart():
    truth = np.ones((1, 1, 4), bool)
    normals = np.array([[[0.1, 0.1, 0.9, 0.9]]])
    counts = recall_by_orientation(np.array([[[0.9, 0.2, 0.1, 0.1]]]), truth, normals)
    assert counts["0-0.3"] == (1, 2)
    assert counts["0.85-1"] == (0, 2)


def test_what_the_missing_wedge_hides_counts_neither_way():
    truth = np.array([[[True, False, False, False, True, False]]])
    normals = np.array([[[0.9, 0, 0, 0, 0.1, 0]]])
    seen = where_seen(truth, normals, reach_voxels=1)
    assert seen.tolist() == [[[False, False, True, True, True, True]]]
    missed_and_claimed_where_hidden = np.array([[[0.1, 0.9, 0.1, 0.1, 0.9, 0.1]]])
    assert curve(missed_and_claimed_where_hidden, truth, seen).dice() == 1


def test_where_nothing_is_hidden_all_counts():
    truth = np.ones((2, 2, 2), bool)
    assert where_seen(truth, np.full(truth.shape, 0.2), reach_voxels=3).all()
