"""Rotations are evenly spread over what a symmetry leaves different, and distances know the symmetry."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from livetomo.processing.match.rotations import angular_distance, nearby_rotations, rotation_grid


def group(name):
    return Rotation.create_group(name).as_matrix()


@pytest.mark.parametrize("symmetry", ["C1", "C4", "D7", "T", "I"])
def test_every_rotation_is_near_one_of_the_grid(symmetry):
    step, tilted = 12.0, Rotation.from_euler("ZYZ", [20, 35, 50], degrees=True).as_matrix()
    operations = tilted @ group(symmetry) @ tilted.T  # axes as they may lie in a map
    grid = rotation_grid(step, operations)
    count = 8 * np.pi**2 / np.radians(step) ** 3 / len(operations)
    assert 0.8 * count < len(grid) < 1.25 * count + 2
    some = Rotation.random(300, rng=np.random.default_rng(5)).as_matrix()
    nearest = [angular_distance(np.broadcast_to(one, grid.shape), grid, operations).min() for one in some]
    assert np.max(nearest) < step
    assert np.median(nearest) < 0.6 * step


def test_poses_that_a_symmetry_makes_one_are_not_apart():
    pose = Rotation.from_euler("ZYZ", [30, 40, 50], degrees=True).as_matrix()
    alike = pose @ group("D4")
    np.testing.assert_allclose(angular_distance(np.broadcast_to(pose, alike.shape), alike, group("D4")), 0, atol=1e-4)
    apart = angular_distance(np.broadcast_to(pose, alike.shape), alike)
    assert sorted(np.round(apart)) == [0, 90, 90, 180, 180, 180, 180, 180]


def test_a_distance_is_the_angle_of_the_turn_between():
    pose = Rotation.random(rng=np.random.default_rng(1))
    turned = (Rotation.from_rotvec([0.1, 0.0, 0.0]) * pose).as_matrix()
    assert angular_distance(pose.as_matrix()[None], turned[None])[0] == pytest.approx(np.degrees(0.1))


def test_nearby_rotations_begin_with_none_and_reach_half_a_step_along_each_axis():
    nearby = nearby_rotations(10.0)
    np.testing.assert_allclose(nearby[0], np.eye(3))
    angles = np.degrees(np.linalg.norm(Rotation.from_matrix(nearby).as_rotvec(), axis=1))
    np.testing.assert_allclose(np.unique(angles.round(3)), [0, 5, 5 * 2**0.5, 5 * 3**0.5], atol=1e-3)
    assert len(nearby) == 27
