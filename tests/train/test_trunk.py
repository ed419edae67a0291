"""A network begins with what fits of another one; the rest of it starts fresh."""

import pytest
import torch

from livetomo.config.model_card import Layout
from livetomo.core.errors import ConfigurationError
from livetomo.processing.networks.unet import Network
from livetomo.train.trunk import carry_over


def network(*features, base=2, levels=3):
    made = Network(Layout(features, base, levels))
    with torch.no_grad():
        for tensor in made.state_dict().values():
            tensor.copy_(torch.rand(tensor.shape) if tensor.is_floating_point() else tensor + 7)
    return made


def test_the_same_layout_is_carried_over_whole():
    start, new = network("a", "b"), network("a", "b")
    carried = carry_over(start, new)
    assert all(torch.equal(new.state_dict()[name], tensor) for name, tensor in start.state_dict().items())
    assert str(carried) == "3 of 3 levels are carried over and the answers for a, b"


def test_another_head_starts_fresh_but_for_the_features_that_both_know():
    start, new = network("a", "b"), network("b", "c", "d")
    fresh = new.head.weight.detach().clone()
    carried = carry_over(start, new)
    assert torch.equal(new.head.weight[0], start.head.weight[1])
    assert torch.equal(new.head.bias[0], start.head.bias[1])
    assert torch.equal(new.head.weight[1:], fresh[1:])
    assert torch.equal(new.down[2][0].weight, start.down[2][0].weight)
    assert str(carried) == "3 of 3 levels are carried over and the answers for b; the answers for c, d start fresh"


@pytest.mark.parametrize(("before", "now"), [(2, 4), (4, 2), (1, 3)])
def test_with_other_levels_each_keeps_its_resolution(before, now):
    """What the highest level has learned goes to the highest level, however many there are below."""
    start, new = network("a", levels=before), network("a", levels=now)
    fresh = network("a", levels=now)
    fresh.load_state_dict(new.state_dict())
    carry_over(start, new)
    both = min(before, now)
    for level in range(now):
        source = start if level < both else fresh
        assert torch.equal(new.down[level][0].weight, source.down[level][0].weight)
    for up in range(1, now):  # counted from the highest, where both lists end
        source = start if up < both else fresh
        assert torch.equal(new.up[-up][0].weight, source.up[-up][0].weight)
        assert torch.equal(new.narrow[-up].weight, source.narrow[-up].weight)


def test_another_width_is_refused_with_the_way_out():
    with pytest.raises(ConfigurationError, match=r"has 2 channels at full resolution, the new one 4. Give --base 2"):
        carry_over(network("a"), network("a", base=4))
