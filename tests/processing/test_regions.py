"""Regions are picked whole, touching ones apart, by the rule of the paper."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from livetomo.processing.pick.regions import regions

SHAPE = (40, 50, 60)


def balls(*centres, radius=8.0, top=0.95, shape=SHAPE):
    grid = np.indices(shape)
    map_ = np.zeros(shape, np.float32)
    for centre in centres:
        distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True)))
        map_ = np.maximum(map_, (top / (1 + np.exp(distance - radius))).astype(np.float32))
    return map_


def pick(map_, **changes):
    return regions(map_, **({"threshold": 0.5, "candidate_threshold": 0.5, "spacing_voxels": 12.0} | changes))


@pytest.mark.parametrize("place", ["centroid", "deepest"])
def test_a_ball_is_one_particle_at_its_centre_with_its_volume(place):
    picks = pick(balls((20, 25.4, 30.3)), place=place)
    np.testing.assert_allclose(picks.position, [[20, 25.4, 30.3]], atol=0.1 if place == "centroid" else 1)
    assert picks.volume[0] == pytest.approx(4 / 3 * np.pi * 8**3, rel=0.06)


def test_touching_balls_are_two_particles_each_at_its_own_centre():
    picks = pick(balls((20, 25, 20), (20, 25, 34)))
    np.testing.assert_allclose(np.sort(picks.position[:, 2]), [20, 34], atol=0.7)
    assert len(pick(balls((20, 25, 20), (20, 25, 34)), split=False)) == 1


def test_within_the_spacing_the_heavier_stays():
    map_ = np.maximum(balls((20, 25, 15), radius=5), balls((20, 25, 33), radius=8))
    picks = pick(map_, spacing_voxels=20)
    np.testing.assert_allclose(picks.position, [[20, 25, 33]], atol=0.3)
    assert len(pick(map_, spacing_voxels=15)) == 2


def test_small_regions_go_and_a_larger_least_volume_never_adds_any():
    map_ = np.maximum(balls((20, 25, 15), radius=3), balls((20, 25, 40), radius=8))
    assert [len(pick(map_, least_voxels=least)) for least in (0, 90, 300, 5000)] == [2, 2, 1, 0]


def test_the_score_is_the_threshold_at_which_the_particle_vanishes():
    map_ = balls((20, 25, 30), radius=5)
    score = float(pick(map_, least_voxels=200).score[0])
    assert len(pick(map_, threshold=score - 1e-4, candidate_threshold=score - 1e-4, least_voxels=200)) == 1
    assert len(pick(map_, threshold=score + 1e-4, candidate_threshold=score + 1e-4, least_voxels=200)) == 0


def test_weak_regions_are_candidates_and_published_ones_do_not_change():
    map_ = np.maximum(balls((20, 25, 15)), balls((20, 25, 45), top=0.4))
    both = pick(map_, candidate_threshold=0.1)
    assert len(both) == 2
    assert both.score[0] > 0.5 > both.score[1] > 0.1
    np.testing.assert_array_equal(both.above(0.5).position, pick(map_).position)


@pytest.mark.parametrize(("dtype", "scale"), [(np.uint16, 255), (np.int8, 127)])
def test_maps_of_bytes_give_the_same_particles(dtype, scale):
    map_ = balls((20, 25, 20), (20, 25, 34), (10, 10, 50))
    whole = pick(np.rint(map_ * scale).astype(dtype), full_scale=scale)
    np.testing.assert_allclose(whole.position, pick(map_).position, atol=0.1)
    np.testing.assert_allclose(whole.score, pick(map_).score, atol=1 / scale)


def test_what_is_near_a_face_is_left_out_only_if_asked():
    map_ = balls((4, 25, 30))
    assert len(pick(map_)) == 1
    assert len(pick(map_, edge_voxels=6)) == 0


def test_nothing_gives_nothing():
    assert len(pick(np.zeros(SHAPE, np.float32), candidate_threshold=0.1)) == 0


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(np.float32, (5, 6, 7), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])),
    st.sampled_from([0.2, 0.5]),
    st.integers(0, 6),
)
def test_unsplit_regions_are_the_connected_components(map_, threshold, least):
    labels, count = ndimage.label(map_ > threshold)
    wanted = []
    for label in range(1, count + 1):
        inside = labels == label
        if inside.sum() >= max(1, least):
            wanted.append((np.average(np.argwhere(inside), axis=0, weights=map_[inside]), inside.sum()))
    picks = pick(
        map_, threshold=threshold, candidate_threshold=threshold, least_voxels=least, spacing_voxels=0, split=False
    )
    assert len(picks) == len(wanted)
    ours = sorted(
        (*position.round(3).tolist(), size) for position, size in zip(picks.position, picks.volume, strict=True)
    )
    theirs = sorted((*position.round(3).tolist(), size) for position, size in wanted)
    np.testing.assert_allclose(np.array(ours).reshape(-1, 4), np.array(theirs).reshape(-1, 4), atol=2e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 30), st.sampled_from([0.0, 2.0, 4.0]))
def test_no_voxel_is_counted_twice_and_no_two_particles_are_too_close(seed, least, spacing):
    map_ = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(20, 20, 20)), 1.5).astype(np.float32)
    map_ = (map_ - map_.min()) / np.ptp(map_)
    picks = pick(map_, least_voxels=least, spacing_voxels=spacing)
    assert picks.volume.sum() <= (map_ > 0.5).sum()
    assert (picks.volume >= least).all()
    distance = np.linalg.norm(picks.position[:, None] - picks.position, axis=2) + np.eye(len(picks)) * 99
    assert len(picks) < 2 or distance.min() >= spacing - 1e-4
    assert (np.diff(picks.score) <= 0).all()
