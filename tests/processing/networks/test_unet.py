"""The network sees no further than it says."""

import pytest
import torch

from livetomo.config.model_card import Layout
from livetomo.processing.networks.unet import Network, folded


def reach(layout):
    """How far from a voxel its answer changes, found by changing the input."""
    torch.manual_seed(0)
    network = Network(layout).eval()
    for module in network.modules():
        if isinstance(module, torch.nn.Conv3d):
            module.weight.data.abs_()  # so that nothing cancels
    step, far = layout.multiple, 0
    extent = 2 * layout.halo + 4 * step
    for place in range(extent // 2, extent // 2 + step):
        seen = torch.zeros(extent)
        for _ in range(30):
            volume = torch.rand(1, 1, step, step, extent).requires_grad_()
            (gradient,) = torch.autograd.grad(network(volume)[..., place].sum(), volume)
            seen += gradient.abs().sum((0, 1, 2, 3))
        where = seen.nonzero()
        far = max(far, int(place - where.min()), int(where.max() - place))
    return far


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_halo_is_as_wide_as_the_network_sees(levels):
    layout = Layout(("a",), base=2, levels=levels)
    assert layout.halo - layout.multiple < reach(layout) <= layout.halo


def test_there_is_a_channel_for_each_feature():
    network = Network(Layout(("membrane", "ribosome"), base=2, levels=2)).eval()
    assert network(torch.zeros(1, 1, 8, 12, 16)).shape == (1, 2, 8, 12, 16)


def test_folding_the_normalisation_changes_no_answer():
    torch.manual_seed(2)
    network = Network(Layout(("a",), base=3, levels=2))
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm3d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            module.weight.data.normal_()
    volume = torch.randn(1, 1, 8, 8, 8)
    assert torch.allclose(folded(network)(volume), network.eval()(volume), atol=1e-4)


def test_only_what_is_asked_for_is_answered():
    torch.manual_seed(3)
    network = Network(Layout(("a", "b", "c"), base=2, levels=2)).eval()
    volume = torch.randn(1, 1, 8, 8, 8)
    assert torch.allclose(folded(network, ("c", "a"))(volume), folded(network)(volume)[:, [2, 0]], atol=1e-5)
