"""A model answers at its own voxel size, whatever the tomogram's."""

import numpy as np
import pytest
import torch

from livetomo.config.model_card import Canonical, Layout, shipped
from livetomo.processing.networks.inference import segment
from livetomo.processing.networks.package import Card, Model, load_model
from livetomo.processing.networks.unet import Network
from livetomo.processing.segment.canonical import canonical_shape
from livetomo.processing.segment.centres import centred

LAYOUT = Layout(("membrane", "ribosome"), base=2, levels=2)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return Model(Network(LAYOUT).eval(), Card.of("mine", LAYOUT, Canonical(30.0)), "0" * 64)


@pytest.mark.parametrize("voxel_size", [12.0, 30.0, 32.0])
def test_every_feature_has_a_map_of_probabilities_at_the_canonical_voxel_size(model, voxel_size):
    density = torch.randn(20, 37, 41)
    found = segment(model, density, voxel_size_angstrom=voxel_size)
    for feature in LAYOUT.features:
        probability = found.at_canonical(feature)
        assert probability.shape == canonical_shape(density.shape, voxel_size, Canonical(30.0))
        assert probability.min() >= 0
        assert probability.max() <= 1


def test_mirror_averaging_makes_the_answer_mirror_symmetric(model):
    density = torch.randn(16, 24, 24)
    for axis in range(3):
        found = segment(model, density, voxel_size_angstrom=30.0, mirrors=8).maps[0]
        mirrored = segment(model, density.flip(axis), voxel_size_angstrom=30.0, mirrors=8).maps[0].flip(axis)
        # Resampling knows a first voxel, which a mirror image has elsewhere: the middle of the volume agrees.
        inner = (slice(4, -4),) * 3
        assert np.corrcoef(found[inner].ravel().float(), mirrored[inner].ravel().float())[0, 1] > 0.95


def test_mirror_images_say_how_far_the_network_agrees_with_itself(model):
    density = torch.randn(16, 24, 24)
    assert segment(model, density, voxel_size_angstrom=30.0).agreement == ()
    alone = segment(model, density, voxel_size_angstrom=30.0).maps.float()
    found = segment(model, density, voxel_size_angstrom=30.0, mirrors=8)
    mean = found.maps.float()
    plain = torch.minimum(alone, mean).sum((1, 2, 3)) / torch.maximum(alone, mean).sum((1, 2, 3))
    assert found.agreement == pytest.approx(plain.tolist(), rel=0.01)
    assert all(0 < agreement < 1 for agreement in found.agreement)


@pytest.mark.parametrize("centres", [{}, {"membrane": 60.0}, {"membrane": 60.0, "ribosome": 120.0}])
def test_the_card_says_which_maps_are_spheres_and_how_large_they_are(centres):
    torch.manual_seed(0)
    said = Model(Network(LAYOUT).eval(), Card.of("mine", LAYOUT, Canonical(30.0), centres_angstrom=centres), "0" * 64)
    found = segment(said, torch.randn(16, 24, 24), voxel_size_angstrom=30.0)
    for feature, as_made in zip(LAYOUT.features, found.maps, strict=True):
        radius = centres.get(feature)
        hills = as_made if radius is None else centred(as_made, radius_voxels=radius / 30.0)
        assert torch.equal(found.at_canonical(feature), hills)


@pytest.mark.parametrize("name", ["cellular", "cellular-coarse"])
def test_packages_from_before_cards_said_it_answer_as_they_did(name):
    """Ribosomes by spheres of 95 Å, everything else as the network makes it, bit for bit."""
    model = load_model(shipped()[name])
    assert model.card.centres_angstrom is None
    assert model.card.diameter_angstrom("ribosome") == 250
    found = segment(model, torch.randn(16, 24, 24), voxel_size_angstrom=24.0)
    for feature, as_made in zip(found.features, found.maps, strict=True):
        radius = 95.0 / model.card.voxel_size_angstrom
        assert torch.equal(
            found.at_canonical(feature), centred(as_made, radius_voxels=radius) if feature == "ribosome" else as_made
        )
