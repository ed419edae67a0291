"""Local maxima are picked once each, below a voxel, strongest first, and never closer than the spacing."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livetomo.processing.pick.maxima import maxima, spaced


def bumps(*centres, shape=(20, 24, 28), width=2.0, heights=None):
    grid = np.indices(shape)
    heights = heights or [0.9 - 0.1 * number for number in range(len(centres))]
    total = np.full(shape, 0.001)
    for centre, height in zip(centres, heights, strict=True):
        squares = sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True))
        total += height * np.exp(-squares / 2 / width**2)
    return torch.from_numpy(total.astype(np.float32))


def test_a_summit_between_voxels_is_found_between_them():
    picks = maxima(bumps((10.3, 12.0, 13.6)), threshold=0.1, spacing_voxels=3)
    np.testing.assert_allclose(picks.position, [[10.3, 12.0, 13.6]], atol=0.05)
    assert np.isnan(picks.volume).all()


def test_the_stronger_comes_first_and_the_threshold_holds():
    map_ = bumps((5, 5, 5), (15, 15, 15), (5, 20, 20), heights=[0.3, 0.9, 0.05])
    picks = maxima(map_, threshold=0.1, spacing_voxels=3)
    np.testing.assert_allclose(picks.position, [[15, 15, 15], [5, 5, 5]], atol=0.1)
    assert picks.score[0] > picks.score[1]


@pytest.mark.parametrize(("spacing", "count"), [(7.9, 2), (8.3, 1)])
def test_the_spacing_is_a_true_distance(spacing, count):
    assert len(maxima(bumps((10, 8, 8), (10, 8, 16), width=1.5), threshold=0.1, spacing_voxels=spacing)) == count


def test_what_is_near_a_face_is_left_out():
    map_ = bumps((3, 12, 12), (10, 12, 22))
    assert len(maxima(map_, threshold=0.1, spacing_voxels=3, edge_voxels=4)) == 1


def test_a_plateau_counts_once_at_its_centre():
    map_ = torch.zeros(12, 12, 12)
    map_[4:7, 4:7, 4:7] = 1.0
    picks = maxima(map_, threshold=0.5, spacing_voxels=3)
    np.testing.assert_allclose(picks.position, [[5, 5, 5]])


def test_the_rim_of_what_was_cut_out_is_no_summit():
    map_ = bumps((10, 12, 14))
    map_[:, :, 13:] = 0
    assert len(maxima(map_, threshold=0.1, spacing_voxels=3)) == 0


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_nothing_is_found_in_nothing(value):
    assert len(maxima(torch.full((8, 8, 8), value), threshold=0.5, spacing_voxels=3)) == (1 if value else 0)


@st.composite
def weighted_points(draw):
    count = draw(st.integers(0, 30))
    whole = st.integers(0, 8).map(float)
    points = draw(arrays.arrays(np.float64, (count, 3), elements=whole))
    weights = draw(arrays.arrays(np.float64, count, elements=st.integers(0, 5).map(float)))
    return points, weights


@given(weighted_points(), st.sampled_from([0.0, 1.0, 1.5, 2.0, 3.0]))
def test_of_two_too_close_the_heavier_stays_as_the_paper_says(cloud, spacing):
    points, weights = cloud
    ranking = sorted(range(len(points)), key=lambda i: (-weights[i], *points[i]))
    wanted: list[int] = []
    for i in ranking:
        if all(np.linalg.norm(points[i] - points[j]) >= spacing for j in wanted):
            wanted.append(i)
    stayed = spaced(points, weights, spacing)
    assert [(weights[i], *points[i]) for i in stayed] == [(weights[i], *points[i]) for i in wanted]


def test_three_close_together_and_one_far_keep_the_heaviest_and_the_far_one():
    """Where the program of the paper loses all three."""
    points = np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 50]], float)
    assert spaced(points, np.array([3, 2, 1, 1.0]), 5).tolist() == [0, 3]
