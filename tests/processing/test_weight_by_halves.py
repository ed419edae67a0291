"""The half-maps choose the weight that brings each nearest to the truth, which they do not know."""

import numpy as np
import torch

from livetomo.processing.denoise.total_variation import total_variation
from livetomo.processing.denoise.weight_by_halves import WEIGHTS, weight_by_halves


def halves(noise, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.zeros((24, 48, 48), np.float32)
    for z, y, x in rng.integers(4, (20, 44, 44), (12, 3)):
        truth[z - 3 : z + 4, y - 4 : y + 5, x - 4 : x + 5] += 1
    return torch.from_numpy(truth), [torch.from_numpy(truth + rng.normal(0, noise, truth.shape)).float() for _ in "eo"]


def test_noisier_halves_choose_a_greater_weight():
    chosen = [weight_by_halves(*halves(noise)[1]) for noise in (0.2, 0.6, 3.0)]
    assert chosen == sorted(chosen)
    assert chosen[0] < chosen[-1]


def test_it_is_the_weight_by_which_a_half_comes_nearest_to_the_truth():
    truth, (even, odd) = halves(1.0)
    deviation = float(even.std())
    errors = [
        float((total_variation(even / deviation, weight=weight) - truth / deviation).square().mean())
        for weight in WEIGHTS
    ]
    chosen = WEIGHTS.index(weight_by_halves(even, odd))
    assert abs(chosen - int(np.argmin(errors))) <= 1


def test_the_halves_are_not_changed():
    _, (even, odd) = halves(1.0)
    before = even.clone(), odd.clone()
    weight_by_halves(even, odd)
    assert torch.equal(even, before[0])
    assert torch.equal(odd, before[1])
