"""Candidates of several species are right, another species, or nothing named; cuts of their list say how good it is."""

import numpy as np
import pytest

from livetomo.evaluate.species import NOTHING_NAMED, JudgedPicks, judge

TRUTH = {"a": np.array([[0.0, 0, 0], [100, 0, 0]]), "b": np.array([[0.0, 200, 0]]), "c": np.zeros((0, 3))}
RADIUS = {"a": 20.0, "b": 40.0, "c": 10.0}


def ranked(right, true, score=None):
    right = np.array(right, bool)
    score = np.linspace(0.9, 0.1, len(right)) if score is None else np.array(score)
    return JudgedPicks(score, right, np.where(right, "", NOTHING_NAMED), true)


def test_a_pick_is_right_once_and_else_lies_on_what_is_there():
    found = np.array([[1.0, 0, 0], [2, 0, 0], [0, 170, 0], [100, 19, 0], [500, 0, 0]])
    judged = judge(found, np.linspace(1, 0.5, 5), "a", TRUTH, RADIUS)
    assert judged.right.tolist() == [True, False, False, True, False]
    assert judged.lies_on.tolist() == ["", NOTHING_NAMED, "b", "", NOTHING_NAMED]
    assert judged.true == 2
    assert judged.places(("b", "c")) == {"b": 1, "c": 0, NOTHING_NAMED: 2}


def test_a_pick_between_two_others_lies_on_the_nearer_one():
    truth = {
        "a": np.zeros((0, 3)),
        "b": np.array([[0.0, 0, 30], [0, 300, 5]]),
        "c": np.array([[0.0, 0, -5], [0, 300, 15]]),
    }
    judged = judge(np.array([[0.0, 0, 0], [0, 300, 0]]), np.ones(2), "a", truth, RADIUS)
    assert judged.lies_on.tolist() == ["c", "b"]


def test_no_candidates_and_no_particles_are_a_result_like_any_other():
    nothing = judge(np.zeros((0, 3)), np.zeros(0), "c", TRUTH, RADIUS)
    pooled = JudgedPicks.pooled([nothing])
    assert pooled.average_precision() == 0
    assert pooled.recall_at_precision(0.8) == 0
    assert pooled.best_threshold(4) is None
    assert pooled.threshold_at_precision(0.8) is None
    assert pooled.counts().f(4) == 1
    assert JudgedPicks.pooled([]).true == 0


def test_average_precision_is_the_mean_precision_at_each_particle_that_is_found():
    assert ranked([1, 0, 1, 0], 4).average_precision() == pytest.approx((1 + 2 / 3) / 4)
    assert ranked([1, 1], 2).average_precision() == 1


def test_the_recall_at_a_precision_is_the_best_cut_that_reaches_it():
    right = [1, 0, 1, 1, 1, 1, 0, 0]  # 5 of 6 at the sixth, 0.83; a half at the second
    assert ranked(right, 10).recall_at_precision(0.8) == 0.5
    assert ranked(right, 10).threshold_at_precision(0.8) == pytest.approx(ranked(right, 10).score[5])
    assert ranked([0, 1], 10).recall_at_precision(0.8) == 0


def test_the_best_threshold_is_that_of_the_highest_f_beta():
    judged = ranked(np.random.default_rng(1).random(60) < np.linspace(0.9, 0.1, 60), 40)
    for beta in (1.0, 4.0):
        plain = [judged.above(score).counts().f(beta) for score in judged.score]
        assert judged.above(judged.best_threshold(beta)).counts().f(beta) == pytest.approx(max(plain))
    assert judged.best_threshold(4.0) < judged.best_threshold(1.0)  # recall counts more


def test_tomograms_are_pooled_by_score():
    pooled = JudgedPicks.pooled([ranked([1, 0], 3, [0.9, 0.2]), ranked([0, 1], 2, [0.5, 0.4])])
    assert pooled.score.tolist() == [0.9, 0.5, 0.4, 0.2]
    assert pooled.right.tolist() == [True, False, True, False]
    assert pooled.true == 5
