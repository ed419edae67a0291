"""The Wiener filter lets through what the half-maps share, and nothing of what they do not."""

import numpy as np
import pytest
import torch

from livetomo.processing.denoise.wiener import WienerCurve, wiener, wiener_curve
from livetomo.processing.measure.halves import ShellCorrelation, shell_correlation


def shells(correlation, count=1000.0):
    frequency = torch.arange(1, len(correlation) + 1, dtype=torch.float64) / 400
    return ShellCorrelation(
        frequency, torch.tensor(correlation, dtype=torch.float64), torch.full_like(frequency, count)
    )


def test_each_shell_counts_by_its_share_of_signal():
    flat = wiener_curve(shells([0.5] * 6))
    np.testing.assert_allclose(flat.factor, 2 / 3)
    np.testing.assert_allclose(wiener_curve(shells([0.5] * 6), of_half=True).factor, 0.5)


def test_a_zero_of_the_ctf_is_no_end_and_chance_is():
    curve = wiener_curve(shells([0.9, 0.9, 0.0, 0.0, 0.0, 0.8, 0.8, 0.01, -0.02, 0.03, 0.01]))
    assert curve.factor[3] == 0
    assert (curve.factor[5:7] > 0.5).all()
    assert (curve.factor[8:] == 0).all()
    assert curve.finest_angstrom == pytest.approx(400 / 8)


def test_halves_of_noise_let_nothing_through():
    even, odd = (torch.from_numpy(np.random.default_rng(seed).normal(size=(32, 64, 64))).float() for seed in (1, 2))
    assert wiener_curve(shell_correlation(even, odd, voxel_size_angstrom=10)).is_empty


def test_a_wave_is_scaled_by_the_factor_of_its_frequency():
    wave = torch.sin(torch.arange(200) * (2 * torch.pi / 20)).repeat(16, 16, 1)  # 200 Å
    curve = WienerCurve(torch.tensor([0.004, 0.006]).double(), torch.tensor([0.8, 0.4]).double())
    filtered = wiener(wave, curve, voxel_size_angstrom=10)
    assert filtered.shape == wave.shape
    assert float(filtered[8, 8, 50:150].abs().max() / wave.abs().max()) == pytest.approx(0.6, rel=0.01)


def test_it_brings_the_whole_nearer_to_the_truth():
    rng = np.random.default_rng(3)
    truth = torch.from_numpy(rng.normal(size=(32, 64, 64))).float()
    truth = torch.nn.functional.avg_pool3d(truth[None, None], 7, 1, 3)[0, 0] * 12
    even, odd = (truth + torch.from_numpy(rng.normal(0, 1.4, truth.shape)).float() for _ in range(2))
    whole = (even + odd) / 2
    curve = wiener_curve(shell_correlation(even, odd, voxel_size_angstrom=10))
    filtered = wiener(whole, curve, voxel_size_angstrom=10)
    assert float((filtered - truth).square().mean()) < 0.5 * float((whole - truth).square().mean())
