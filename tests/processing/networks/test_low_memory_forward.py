"""Slab by slab the network says what it says of the whole."""

import pytest
import torch

from livetomo.config.model_card import Layout
from livetomo.processing.networks.inference import in_slabs, planes_of
from livetomo.processing.networks.unet import Network, folded


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
@pytest.mark.parametrize("planes", [2, 6, 14, 32])
def test_slabs_of_any_thickness_give_the_answer_of_the_whole(levels, planes):
    torch.manual_seed(levels)
    network = folded(Network(Layout(("a", "b"), base=2, levels=levels)))
    volume = torch.randn(1, 1, 24, 8, 16)
    with torch.inference_mode():
        whole = network(volume).sigmoid()
        slabs = in_slabs(network, volume, most_voxels=planes * 8 * 16, dtype=torch.float32)
    assert whole.std() > 0.001
    assert torch.allclose(slabs, whole, atol=1e-6)


def test_a_slab_has_an_even_number_of_sections_and_at_least_two():
    assert planes_of((24, 8, 8), 64 * 7) == 6
    assert planes_of((24, 8, 8), 1) == 2
    assert planes_of((24, 8, 8), 10**9) == 24
