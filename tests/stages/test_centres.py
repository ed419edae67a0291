"""Spheres of probability become hills that peak at their centres."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from livetomo.stages.segment.centres import centred


def test_a_whole_sphere_gives_four_fifths_at_its_centre_and_less_beside_it():
    distance = np.sqrt(((np.indices((41, 41, 41)) - 20.0) ** 2).sum(axis=0))
    hill = centred(torch.from_numpy((distance < 10).astype(np.float16)), radius_voxels=10).numpy()
    assert hill[20, 20, 20] == pytest.approx(0.8, abs=0.03)
    assert np.unravel_index(hill.argmax(), hill.shape) == (20, 20, 20)
    assert hill[20, 20, 30] < 0.45


def test_it_is_a_gaussian_of_half_the_radius_with_nothing_beyond_the_faces():
    volume = np.random.default_rng(0).random((9, 20, 15)).astype(np.float32)
    plain = gaussian_filter(volume, 2.0, mode="constant", radius=5)
    hill = centred(torch.from_numpy(volume), radius_voxels=4.0).numpy()
    share = 0.7385358  # of a normal distribution within 2 standard deviations, in three dimensions
    np.testing.assert_allclose(hill, np.minimum(plain * 0.8 / share, 1), rtol=1e-4)
