"""The low-pass is the Gaussian that it says."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from livetomo.processing.denoise.lowpass import lowpass, sigma_of_resolution


@pytest.mark.parametrize("sigma", [0.4, 1.0, 2.7])
def test_it_is_what_scipy_makes(sigma):
    volume = np.random.default_rng(0).normal(size=(30, 40, 50)).astype(np.float32)
    wanted = ndimage.gaussian_filter(volume, sigma, mode="mirror", truncate=np.ceil(4 * sigma) / sigma)
    np.testing.assert_allclose(lowpass(torch.from_numpy(volume), sigma_voxels=sigma), wanted, atol=2e-6)


def test_a_wave_of_the_named_resolution_keeps_1_over_e():
    wave = torch.sin(torch.arange(400) * (2 * torch.pi / 10)).repeat(4, 4, 1)
    filtered = lowpass(wave, sigma_voxels=sigma_of_resolution(10))
    assert float(filtered[2, 2, 100:300].abs().max() / wave[2, 2, 100:300].abs().max()) == pytest.approx(
        np.exp(-1), rel=0.01
    )


def test_no_width_is_no_change_and_never_the_same_memory():
    volume = torch.rand(4, 5, 6)
    same = lowpass(volume, sigma_voxels=0)
    assert torch.equal(same, volume)
    assert same.data_ptr() != volume.data_ptr()


def test_a_width_beyond_the_volume_is_bounded():
    assert lowpass(torch.rand(3, 4, 5), sigma_voxels=50).isfinite().all()
