"""Curation leaves out what its rule names, and nothing else."""

import numpy as np
import torch

from livetomo.core.picks import Picks
from livetomo.processing.pick.curate import by_partner, consensus, duplicates, quantile


def at(*positions, score=None):
    points = np.array(positions, np.float32).reshape(-1, 3)
    scores = np.linspace(0.9, 0.5, len(points)) if score is None else np.array(score)
    return Picks(points, scores.astype(np.float32), np.ones(len(points), np.float32))


def wall():
    """A partner that fills z < 5."""
    map_ = torch.zeros(20, 20, 20)
    map_[:5] = 1
    return map_


def test_near_keeps_what_is_within_the_distance_and_away_the_rest():
    picks = at((2, 5, 5), (7, 5, 5), (15, 5, 5))
    inputs = {"threshold": 0.5, "distance_voxels": 4}
    assert by_partner(picks, wall(), keep_near=True, **inputs).position[:, 0].tolist() == [2, 7]
    assert by_partner(picks, wall(), keep_near=False, **inputs).position[:, 0].tolist() == [15]


def test_a_distance_of_zero_asks_for_inside():
    picks = at((4.4, 5, 5), (4.6, 5, 5), (19.4, 19, 19))
    inputs = {"threshold": 0.5, "distance_voxels": 0, "keep_near": True}
    assert by_partner(picks, wall(), **inputs).position[:, 0].tolist() == [np.float32(4.4)]


def test_of_duplicates_the_strongest_stays():
    picks = at((5, 5, 5), (5, 5, 7), (5, 5, 12), score=[0.6, 0.9, 0.7])
    assert duplicates(picks, distance_voxels=3).position[:, 2].tolist() == [7, 12]


def test_a_consensus_needs_enough_partners():
    picks = at((5, 5, 5), (10, 10, 10), (15, 15, 15))
    partners = [at((5, 5, 6), (10, 10, 11)), at((5, 5, 4)), Picks.none()]
    assert len(consensus(picks, partners, at_least=1, distance_voxels=2)) == 2
    assert len(consensus(picks, partners, at_least=2, distance_voxels=2)) == 1
    assert len(consensus(Picks.none(), partners, at_least=1, distance_voxels=2)) == 0


def test_the_weakest_share_of_the_published_goes_and_all_weaker_candidates():
    picks = at(*[(i, i, i) for i in range(10)], score=np.linspace(0.95, 0.05, 10))
    assert quantile(picks, published=picks.above(0.5), lowest=0.4).score.min() == np.float32(0.75)
    assert len(quantile(picks, published=Picks.none(), lowest=0.4)) == 10
