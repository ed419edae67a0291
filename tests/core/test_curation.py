"""Masks of picks: which are kept, one by one, and what happens on the very limit."""

import numpy as np
import pytest

from livetomo.core.curation import in_boxes, nearest, off_the_faces, strongest, without_stronger
from livetomo.core.exclusion import is_in
from livetomo.core.picks import Picks


def picks(*positions, scores=None):
    position = np.array(positions, np.float32).reshape(-1, 3)
    score = np.array(np.linspace(0.9, 0.1, len(position)) if scores is None else scores, np.float32)
    return Picks(position, score, np.full(len(position), np.nan, np.float32))


NONE = picks()


def test_an_edge_is_the_outermost_voxels_centre_along_every_axis():
    those = picks((5, 5, 5), (4.9, 5, 5), (5, 14, 24), (5, 14.1, 24), (5, 14, 24.1))
    assert off_the_faces(those, (11, 20, 30), 5).tolist() == [True, False, True, False, False]
    assert off_the_faces(those, (11, 20, 30), 0).all()
    assert not off_the_faces(those, (11, 20, 30), 6).any()
    assert off_the_faces(NONE, (11, 20, 30), 5).tolist() == []


BOXES = [
    [{}],
    [{"z": (2.0, 4.0)}],
    [{"x": (0.0, 1.5), "y": (3.0, 9.0)}],
    [{"x": (0.0, 1.5)}, {"z": (8.0, np.inf)}],
    [{"y": (float(np.float32(3.3)), 3.4)}],
    [],
]


@pytest.mark.parametrize("boxes", BOXES)
def test_boxes_hold_what_exclusions_of_the_same_boxes_take_out(boxes):
    grid = [0, 1.5, 2, 3.3, 4, 8, 9]
    those = picks(*[(z, y, x) for z in grid for y in grid for x in grid])
    plain = [is_in(boxes, zyx[::-1]) for zyx in those.position.tolist()]
    assert in_boxes(those, boxes).tolist() == plain
    assert in_boxes(NONE, boxes).tolist() == []


def test_the_strongest_are_counted_by_their_scores_and_of_equal_ones_the_first():
    those = picks(*[(n, 0, 0) for n in range(4)], scores=[0.5, 0.9, 0.5, 0.7])
    assert strongest(those, 3).tolist() == [True, True, False, True]
    assert strongest(those, 9).all()
    assert strongest(NONE, 9).tolist() == []


def test_where_there_is_no_point_the_nearest_is_infinitely_far():
    assert nearest(np.zeros((0, 3)), np.zeros((2, 3))).tolist() == [np.inf, np.inf]
    assert nearest(np.array([[0, 3, 4], [0, 0, 9]]), np.zeros((1, 3))).tolist() == [5]
    assert nearest(np.zeros((1, 3)), np.zeros((0, 3))).tolist() == []


def test_the_weaker_of_two_features_picks_is_left_out_and_of_equal_ones_that_of_the_later_feature():
    those = picks((0, 0, 0), (0, 0, 20), (0, 0, 40), (0, 0, 60), scores=[0.9, 0.5, 0.8, 0.7])
    others = picks((0, 0, 3), (0, 3, 24), (0, 0, 40), (0, 0, 66), scores=[0.8, 0.6, 0.8, 0.9])
    assert without_stronger(those, others, 5, wins_ties=True).tolist() == [True, False, True, True]
    assert without_stronger(those, others, 5, wins_ties=False).tolist() == [True, False, False, True]
    assert without_stronger(those, others, 4.9, wins_ties=False).tolist() == [True, True, False, True]
    assert without_stronger(those, others, 6, wins_ties=True).tolist() == [True, False, True, False]
    assert without_stronger(those, NONE, 5, wins_ties=False).all()
    assert without_stronger(NONE, others, 5, wins_ties=False).tolist() == []
