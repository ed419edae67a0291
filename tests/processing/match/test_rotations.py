"""Rotations are evenly spread over what a symmetry leaves different, and distances know the symmetry."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from livetomo.processing.match.rotations import (
    SYMMETRIES,
    angular_distance,
    nearby_rotations,
    rotation_grid,
    symmetry_operations,
)

ORDERS = {"C1": 1, "C7": 7, "D2": 4, "D7": 14, "T": 12, "O": 24, "I": 60, "I1": 60, "I2": 60}


@pytest.mark.parametrize(("symmetry", "order"), ORDERS.items())
def test_a_point_group_is_a_group_of_its_order(symmetry, order):
    group = symmetry_operations(symmetry)
    assert group.shape == (order, 3, 3)
    np.testing.assert_allclose(group[0], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(group), 1)
    products = (group[:, None] @ group[None]).reshape(-1, 9)
    away = np.abs(products[:, None] - group.reshape(-1, 9)).max(axis=2).min(axis=1)
    assert away.max() < 1e-6


@pytest.mark.parametrize(
    ("symmetry", "folds", "axis"),
    [
        ("C3", 3, (0, 0, 1)),
        ("D3", 2, (1, 0, 0)),
        ("T", 3, (0, 0, 1)),
        ("O", 4, (0, 0, 1)),
        ("O", 3, (1, 1, 1)),
        ("I", 5, (0.525731, 0, 0.850651)),
        ("I", 3, (0, 0.356822, 0.934172)),
        ("I1", 5, (0.850651, 0, -0.525731)),
        ("I1", 3, (0.934172, 0.356822, 0)),
    ],
)
def test_the_axes_stand_where_relion_has_them(symmetry, folds, axis):
    turn = Rotation.from_rotvec(np.array(axis) / np.linalg.norm(axis) * 2 * np.pi / folds).as_matrix()
    assert np.abs(symmetry_operations(symmetry) - turn).max(axis=(1, 2)).min() < 1e-4


@pytest.mark.parametrize("symmetry", ["", "C0", "C100", "D1", "X", "CC", "C1.5", "Oh"])
def test_what_is_no_symmetry_is_refused_with_those_there_are(symmetry):
    with pytest.raises(ValueError, match=SYMMETRIES.split(",", maxsplit=1)[0]):
        symmetry_operations(symmetry)


@pytest.mark.parametrize("symmetry", ["C1", "C4", "D7", "T", "I"])
def test_every_rotation_is_near_one_of_the_grid(symmetry):
    step = 12.0
    grid = rotation_grid(step, symmetry)
    count = 8 * np.pi**2 / np.radians(step) ** 3 / ORDERS.get(symmetry, 4)
    assert 0.8 * count < len(grid) < 1.25 * count + 2
    some = Rotation.random(300, rng=np.random.default_rng(5)).as_matrix()
    nearest = [angular_distance(np.broadcast_to(one, grid.shape), grid, symmetry).min() for one in some]
    assert np.max(nearest) < step
    assert np.median(nearest) < 0.6 * step


def test_poses_that_a_symmetry_makes_one_are_not_apart():
    pose = Rotation.from_euler("ZYZ", [30, 40, 50], degrees=True).as_matrix()
    group = symmetry_operations("D4")
    alike = pose @ group
    np.testing.assert_allclose(angular_distance(np.broadcast_to(pose, alike.shape), alike, "D4"), 0, atol=1e-4)
    apart = angular_distance(np.broadcast_to(pose, alike.shape), alike, "C1")
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
