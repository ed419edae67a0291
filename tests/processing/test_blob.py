"""A particle of the given diameter is found at its centre, whatever the voxel size; noise is not."""

import numpy as np
import pytest
import torch

from livetomo.processing.normalise import clip_, normalise_
from livetomo.processing.pick.maxima import maxima
from livetomo.processing.segment.weight_free import as_probability, blob
from tests.volumes import balls


def probability(volume, diameter):
    return blob(clip_(normalise_(torch.from_numpy(volume), "dark")), diameter_voxels=diameter)


@pytest.mark.parametrize(("scale", "tolerance"), [(1, 0.3), (2, 0.4), (3, 0.6)])
def test_centres_are_found_at_any_voxel_size(scale, tolerance):
    places = np.array([(24, 20, 20), (20, 60, 25), (30, 40, 60)]) * scale + (scale - 1) / 2
    volume = balls((48 * scale, 80 * scale, 80 * scale), places, diameter=250 * scale)
    found = maxima(probability(volume, 10.0 * scale), threshold=0.5, spacing_voxels=8 * scale).position
    assert len(found) == 3
    for place in places:
        assert np.linalg.norm(found - place, axis=1).min() < tolerance * scale


def test_it_is_a_probability_of_the_same_shape():
    map_ = probability(balls((47, 61, 83), ((20, 20, 20),)), 25.0)
    assert map_.shape == (47, 61, 83)
    assert 0 <= float(map_.min()) < float(map_.max()) < 1


def test_noise_alone_stays_below_one_half():
    assert float(probability(balls(places=(), seed=3), 10.0).max()) < 0.5


def test_a_stronger_response_is_a_higher_probability_without_a_plateau():
    response = torch.cat([torch.linspace(-2, 2, 2001), torch.linspace(5, 200, 50)])
    map_ = as_probability(response.clone())
    rising = map_[response > 0.1]
    assert (rising.diff() > 0).all()


def test_a_flat_response_is_no_particle():
    assert float(as_probability(torch.full((4, 4, 4), 3.0)).max()) == 0


def test_a_very_bright_grain_does_not_hide_the_particles():
    volume = balls()
    volume[40:43, 70:73, 70:73] = -500
    found = maxima(probability(volume, 10.0), threshold=0.5, spacing_voxels=8).position
    for place in ((24, 20, 20), (20, 60, 25), (30, 40, 60)):
        assert np.linalg.norm(found - place, axis=1).min() < 0.5
