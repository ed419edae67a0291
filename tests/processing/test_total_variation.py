"""Total variation denoising finds the minimum that it names, keeps edges, and takes noise away."""

import numpy as np
import pytest
import torch
from skimage.restoration import denoise_tv_chambolle

from livetomo.processing.denoise.total_variation import total_variation, total_variation_


def energy(u, density, weight):
    """What is minimised, written out."""
    u, density = np.asarray(u, float), np.asarray(density, float)
    gradient = [np.diff(u, axis=axis, append=np.take(u, [-1], axis=axis)) for axis in range(3)]
    return 0.5 * np.square(u - density).sum() + weight * np.sqrt(sum(part**2 for part in gradient)).sum()


def step(shape=(20, 24, 28), noise=1.0):
    """A box of height 2 in noise."""
    truth = np.zeros(shape, np.float32)
    truth[6:14, 6:18, 8:20] = 2
    return truth, truth + np.random.default_rng(0).normal(0, noise, shape).astype(np.float32)


@pytest.mark.parametrize("weight", [0.3, 0.7, 1.0])
def test_it_is_within_a_hundredth_of_the_least_energy(weight):
    _, noisy = step()
    least = energy(denoise_tv_chambolle(noisy, weight=weight, eps=0, max_num_iter=2000), noisy, weight)
    assert energy(total_variation(torch.from_numpy(noisy), weight=weight), noisy, weight) < least * 1.01
    assert energy(noisy, noisy, weight) > least * 1.2


def test_it_is_what_scikit_image_finds_in_many_steps():
    _, noisy = step()
    ours = total_variation(torch.from_numpy(noisy), weight=0.7, steps=1000)
    np.testing.assert_allclose(ours, denoise_tv_chambolle(noisy, weight=0.7, eps=0, max_num_iter=2000), atol=0.02)


def test_noise_goes_and_a_step_stays():
    truth, noisy = step()
    u = total_variation(torch.from_numpy(noisy), weight=0.7).numpy()
    assert np.square(u - truth).mean() < 0.1 * np.square(noisy - truth).mean()
    assert u[10, 12, 12:16].mean() - u[10, 12, 1:5].mean() > 1.2


@pytest.mark.parametrize("shape", [(1, 9, 9), (9, 1, 9), (9, 9, 1), (1, 1, 1), (17, 5, 6)])
def test_a_volume_of_any_extent_keeps_its_mean(shape):
    noisy = torch.from_numpy(np.random.default_rng(1).normal(3, 1, shape).astype(np.float32))
    u = total_variation(noisy, weight=0.7)
    assert u.shape == shape
    assert float(u.mean()) == pytest.approx(float(noisy.mean()), abs=1e-4)


def test_it_works_in_place_and_the_other_does_not():
    noisy = torch.rand(8, 9, 10)
    before = noisy.clone()
    made = total_variation(noisy, weight=0.5)
    assert torch.equal(noisy, before)
    assert total_variation_(noisy, weight=0.5).data_ptr() == noisy.data_ptr()
    assert torch.equal(noisy, made)


def test_no_weight_is_no_change():
    volume = torch.rand(4, 5, 6)
    assert torch.equal(total_variation(volume, weight=0), volume)
