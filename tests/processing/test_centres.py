"""Spheres of probability become hills that peak at their centres."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from livetomo.processing.pick.maxima import maxima
from livetomo.processing.segment.centres import centred


def test_a_whole_sphere_gives_four_fifths_at_its_centre_and_less_beside_it():
    distance = np.sqrt(((np.indices((41, 41, 41)) - 20.0) ** 2).sum(axis=0))
    hill = centred(torch.from_numpy((distance < 10).astype(np.float16)), radius_voxels=10).numpy()
    assert hill[20, 20, 20] == pytest.approx(0.8, abs=0.03)
    assert np.unravel_index(hill.argmax(), hill.shape) == (20, 20, 20)
    assert hill[20, 20, 30] < 0.45


RADIUS_ANGSTROM = 95.0


@pytest.mark.parametrize("offset", [0.0, 0.25, 0.5])
def test_ribosomes_that_touch_by_their_narrow_sides_have_a_summit_each(offset):
    """180 Å apart, at 30 Å a voxel: the spheres that stand for them are one body."""
    places = np.array([[12, 12, 10 + offset], [12, 12, 16 + offset]])
    voxels = np.indices((24, 24, 28)).transpose(1, 2, 3, 0)
    distance = 30 * np.linalg.norm(voxels[..., None, :] - places, axis=-1).min(axis=-1)
    body = torch.from_numpy((distance < RADIUS_ANGSTROM).astype(np.float32))
    picks = maxima(centred(body, radius_voxels=RADIUS_ANGSTROM / 30), threshold=0.5, spacing_voxels=5)
    assert len(picks) == 2
    assert np.linalg.norm(picks.position[:, None] - places, axis=2).min(axis=0).max() < 0.4


def test_it_is_a_gaussian_with_nothing_beyond_the_faces():
    volume = np.random.default_rng(0).random((9, 20, 15)).astype(np.float32)
    plain = gaussian_filter(volume, 1.6, mode="constant", radius=4)
    hill = centred(torch.from_numpy(volume), radius_voxels=4.0).numpy()
    share = 0.8999391  # of a normal distribution within 2.5 standard deviations, in three dimensions
    np.testing.assert_allclose(hill, np.minimum(plain * 0.8 / share, 1), rtol=1e-4)
