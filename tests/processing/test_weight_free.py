"""What needs no network does what its formula says."""

import math

import numpy as np
import pytest
import torch

from livetomo.processing.denoise.deconvolve import contrast, deconvolve, electron_wavelength_angstrom
from livetomo.processing.segment.weight_free import eigenvalues, ridge
from livetomo.simulate.microscope import Microscope, contrast_transfer


@pytest.mark.parametrize(("voltage", "wavelength"), [(300.0, 0.01969), (200.0, 0.02508), (100.0, 0.03701)])
def test_the_wavelength_is_that_of_the_tables(voltage, wavelength):
    assert electron_wavelength_angstrom(voltage) == pytest.approx(wavelength, rel=1e-3)


def test_the_ctf_is_the_simulators_with_matter_positive():
    frequency = np.linspace(0, 0.05, 100, dtype=np.float32)
    microscope = Microscope(defocus_angstrom=35000.0)
    ours = contrast(
        torch.from_numpy(frequency),
        defocus_angstrom=35000.0,
        voltage_kilovolt=300.0,
        spherical_aberration_mm=2.7,
        amplitude_contrast=0.07,
    )
    assert ours.numpy() == pytest.approx(-contrast_transfer(microscope, frequency), abs=5e-3)


def test_one_frequency_is_changed_by_the_formulas_factor():
    voxel, n, cycles = 10.0, 64, 8
    wave = torch.sin(2 * math.pi * cycles * torch.arange(n) / n)[None, None, :].expand(32, 32, n).contiguous()
    out = deconvolve(wave, voxel_size_angstrom=voxel, defocus_angstrom=40000.0)
    q = cycles / n * 2
    ctf = float(
        contrast(
            torch.tensor([cycles / n / voxel]), defocus_angstrom=40000.0, voltage_kilovolt=300.0,
            spherical_aberration_mm=2.7, amplitude_contrast=0.07,
        )
    )  # fmt: skip
    snr = math.exp(-q * 100 / voxel) * 1000 * (1 - math.cos(math.pi * min(1, q / 0.02)))
    expected = ctf / (ctf**2 + 1 / snr)
    inner = (16, 16, slice(16, 48))
    assert float((out[inner] @ wave[inner]) / (wave[inner] @ wave[inner])) == pytest.approx(expected, rel=0.05)


def test_a_constant_stays_nothing_and_finite():
    out = deconvolve(torch.ones(16, 16, 16), voxel_size_angstrom=10.0, defocus_angstrom=40000.0)
    assert out.abs().max() < 1e-4


def test_eigenvalues_are_those_of_the_matrices():
    torch.manual_seed(0)
    matrices = torch.randn(500, 3, 3, dtype=torch.float64)
    matrices = matrices + matrices.transpose(1, 2)
    entries = [matrices[:, i, j] for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))]
    found = torch.stack(eigenvalues(*entries), dim=1)
    assert torch.allclose(found, torch.linalg.eigvalsh(matrices).flip(1), atol=1e-8)


def test_a_sheet_is_found_and_a_ball_and_a_rod_are_not():
    z, y, x = torch.meshgrid(*[torch.arange(48.0)] * 3, indexing="ij")
    torch.manual_seed(1)
    volume = 0.3 * torch.randn(48, 48, 48)
    volume += 6 * torch.exp(-((x - 8) ** 2) / 8)
    volume += 6 * torch.exp(-((x - 28) ** 2 + (y - 12) ** 2 + (z - 24) ** 2) / 8)
    volume += 6 * torch.exp(-((x - 36) ** 2 + (y - 36) ** 2) / 8)
    found = ridge(volume.clamp(-6, 6), sigmas_voxels=(2.0,))
    assert found[10:38, 10:38, 8].mean() > 0.9
    assert found[24, 12, 28] < 0.5
    assert found[24, 36, 36] < found[24, 24, 8] * 0.6


def test_where_there_is_nothing_there_is_no_membrane():
    assert ridge(torch.zeros(12, 12, 12), sigmas_voxels=(1.5, 2.5)).max() == 0
