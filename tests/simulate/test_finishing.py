"""What programs do to a reconstruction changes it as they say, and nothing where nothing is asked."""

import numpy as np
import pytest

from livetomo.simulate.finishing import Finishing, finish, random_finishing
from livetomo.simulate.microscope import Microscope, image

NOISE = np.random.default_rng(1).standard_normal((24, 40, 40)).astype(np.float32)


def amplitude(volume, period_voxels):
    spectrum = np.abs(np.fft.fftn(volume))
    k = np.sqrt(sum(f**2 for f in np.meshgrid(*[np.fft.fftfreq(n) for n in volume.shape], indexing="ij")))
    return spectrum[np.abs(k - 1 / period_voxels) < 0.02].mean()


def test_nothing_is_done_where_nothing_is_asked():
    assert finish(NOISE, 10.0, Finishing()) is NOISE


@pytest.mark.parametrize(
    ("finishing", "left"),
    [(Finishing(low_pass_angstrom=50.0), np.exp(-1.0)), (Finishing(falloff_angstrom=50.0), 0.5)],
)
def test_filters_leave_what_they_say_at_their_period(finishing, left):
    assert amplitude(finish(NOISE, 10.0, finishing), 5) / amplitude(NOISE, 5) == pytest.approx(left, rel=0.15)


def test_denoising_flattens_the_noise_and_leaves_what_stands_out():
    volume = NOISE.copy()
    volume[8:16, 15:25, 15:25] += 20
    without = finish(volume, 10.0, Finishing(window=5))
    assert without[:, :8].std() < 0.6 * volume[:, :8].std()
    assert without[10:14, 17:23, 17:23].mean() == pytest.approx(20, abs=1)


def test_few_greys_are_left():
    assert len(np.unique(finish(NOISE, 10.0, Finishing(greys=256)))) <= 256


def test_random_finishings_differ_and_can_be_done():
    made = {random_finishing(np.random.default_rng(seed)) for seed in range(20)}
    assert len(made) > 10
    assert all(np.isfinite(finish(NOISE, 25.0, finishing)).all() for finishing in made)


def test_an_x_ray_draws_a_line_through_the_reconstruction():
    density = np.zeros((32, 32, 48), np.float32)
    density[12:20, 12:20, 20:28] = 1
    clean, hit = (image(density, 10.0, Microscope(snr=1e-4, spikes=spikes), 3).even for spikes in (0.0, 0.05))
    # One hit is one pixel of one view: all that it leaves lies in one plane of constant y.
    planes = np.abs(hit).max(axis=(0, 2)) > 1.3 * np.abs(clean).max()
    assert 1 <= planes.sum() <= 6
    assert np.abs(hit).max() > 1.5 * np.abs(clean).max()
