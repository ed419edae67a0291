"""The half-maps choose the weight that makes each most like the truth, which they do not know."""

import numpy as np
import pytest
import torch

from livetomo.processing.denoise.total_variation import total_variation
from livetomo.processing.denoise.weight_by_halves import WEIGHTS, weight_by_halves


def halves(noise, seed=0):
    rng = np.random.default_rng(seed)
    truth = np.zeros((24, 48, 48), np.float32)
    for z, y, x in rng.integers(4, (20, 44, 44), (12, 3)):
        truth[z - 3 : z + 4, y - 4 : y + 5, x - 4 : x + 5] += 1
    return torch.from_numpy(truth), [torch.from_numpy(truth + rng.normal(0, noise, truth.shape)).float() for _ in "eo"]


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_it_is_the_weight_with_which_a_half_correlates_best_with_the_truth(noise):
    truth, (even, odd) = halves(noise)
    deviation = float(even.std())
    denoised = [total_variation(even / deviation, weight=weight) for weight in WEIGHTS]
    alike = [np.corrcoef(volume.flatten(), truth.flatten())[0, 1] for volume in denoised]
    chosen = WEIGHTS.index(weight_by_halves(even, odd))
    assert abs(chosen - int(np.argmax(alike))) <= 1


def test_the_halves_are_not_changed():
    _, (even, odd) = halves(1.0)
    before = even.clone(), odd.clone()
    weight_by_halves(even, odd)
    assert torch.equal(even, before[0])
    assert torch.equal(odd, before[1])
