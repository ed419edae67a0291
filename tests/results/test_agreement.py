"""Curves of agreement: what more particles give, what chance gives, and where they end."""

from dataclasses import replace

import numpy as np
import pytest

from livetomo.core.particle_sums import SIDE, SUMS_SHAPE, ParticleSums, average_voxel_angstrom
from livetomo.results.average.agreement import HalfCorrelation, agreement

FREQUENCY = np.arange(1, 5) / 400


def curve(*correlation: float) -> HalfCorrelation:
    return HalfCorrelation(FREQUENCY, np.array(correlation), np.array([100.0, 400, 900, 1600]))


def sums(seed: int, *, shared: float, count: int = 50) -> ParticleSums:
    """Two halves of noise, with something in both."""
    chance = np.random.default_rng(seed)
    voxels = chance.normal(size=(3, SIDE, SIDE, SIDE))
    halves = count * shared * voxels[0] + np.sqrt(count) * voxels[1:]
    signal = np.fft.rfftn(np.fft.ifftshift(halves, axes=(1, 2, 3)), axes=(1, 2, 3))
    return ParticleSums(signal.astype(np.complex64), np.full(SUMS_SHAPE, count, np.float32), (count, count))


def test_twice_as_many_particles_have_twice_the_signal() -> None:
    more = curve(0.5, 0.2, 0.0, -0.4).of_particles(10, 20)
    np.testing.assert_allclose(more.correlation, [2 / 3, 1 / 3, 0, 0])


def test_what_chance_gives_is_taken_away() -> None:
    found = curve(0.9, 0.6, 0.3, 0.1)
    np.testing.assert_allclose(found.beyond(curve(0.8, 0.2, -0.1, 0.1)).correlation, [0.5, 0.5, 0.3, 0.0])
    assert found.beyond(found).resolution_angstrom() is None


def test_the_resolution_is_where_the_curve_falls_below_143() -> None:
    assert curve(0.9, 0.643, 0.143 - 0.5, 0).resolution_angstrom() == pytest.approx(1 / (2.5 / 400))
    assert curve(0.9, 0.8, 0.7, 0.6).resolution_angstrom() == pytest.approx(100)
    assert curve(0.1, 0.8, 0.7, 0.6).resolution_angstrom() is None
    few = replace(curve(0.1, 0.8, 0.7, 0.1), coefficients=np.array([10.0, 400, 900, 1600]))
    assert few.resolution_angstrom() == pytest.approx(1 / (3.928 / 400), rel=1e-3)


def test_the_signal_is_one_particles_and_does_not_hang_on_their_number() -> None:
    nothing = ParticleSums.none()
    for count in (20, 80):
        look = agreement(sums(1, shared=0.3, count=count), nothing, diameter_angstrom=200)
        assert look.signal == pytest.approx(0.09, rel=0.3)
        assert look.particles == 2 * count
    assert abs(agreement(sums(2, shared=0.0), nothing, diameter_angstrom=200).signal) < 0.003


def test_a_null_of_fewer_places_says_what_as_many_would_give() -> None:
    """Both are the same noise, turned to look alike: what was picked is no more than chance."""
    look = agreement(sums(1, shared=0.3), sums(2, shared=0.3, count=10), diameter_angstrom=200)
    assert look.by_chance == pytest.approx(look.signal, rel=0.4)
    np.testing.assert_allclose(look.chance.correlation[3:], look.curve.correlation[3:], atol=0.15)
    assert look.curve.resolution_angstrom() is not None
    assert look.resolution_angstrom is None


def test_frequencies_are_the_averages() -> None:
    look = agreement(sums(1, shared=0.3), ParticleSums.none(), diameter_angstrom=200)
    assert look.curve.frequency[-1] == pytest.approx(1 / (2 * average_voxel_angstrom(200)))
    assert look.curve.frequency[0] == pytest.approx(1 / (1.6 * 200))
