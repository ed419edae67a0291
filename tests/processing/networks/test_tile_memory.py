"""Memory that a device does not have is asked for in smaller pieces; the worker remembers what there was room for."""

import pytest
import torch

from livetomo.config.model_card import Canonical, Card, Layout
from livetomo.processing.networks import inference as segmenting
from livetomo.processing.networks.inference import segment
from livetomo.processing.networks.package import Model
from livetomo.processing.networks.tile_memory import TileRoom
from livetomo.processing.networks.unet import Network

LAYOUT = Layout(("a", "b"), base=2, levels=2)


class Device:
    """Stands before a network and has memory for inputs of so many voxels, like a card that others use too."""

    def __init__(self, monkeypatch, room):
        self.room = room
        self.refusals = 0
        self._run = segmenting.in_slabs
        monkeypatch.setattr(segmenting, "in_slabs", self.in_slabs)

    def in_slabs(self, network, volume, *, most_voxels, **options):
        if min(most_voxels, volume.numel()) > self.room:
            self.refusals += 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        return self._run(network, volume, most_voxels=most_voxels, **options)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Model(Network(LAYOUT).eval(), Card.of("mine", LAYOUT, Canonical(30.0)), "0" * 64)


def maps(model, density, room):
    return segment(model, density, voxel_size_angstrom=30.0, room=room).maps.float()


def test_smaller_pieces_give_the_same_answer_and_are_remembered(model, monkeypatch):
    density = torch.randn(24, 48, 48)
    plenty = maps(model, density, TileRoom())
    device, room = Device(monkeypatch, room=8_000), TileRoom()
    assert torch.allclose(maps(model, density, room), plenty, atol=0.02)
    assert device.refusals > 0
    device.refusals = 0
    maps(model, torch.randn(24, 48, 48), room)
    assert device.refusals == 0
    maps(model, torch.randn(24, 48, 40), room)
    assert device.refusals > 0


def test_only_when_the_smallest_do_not_fit_the_device_is_at_fault(model, monkeypatch):
    device = Device(monkeypatch, room=100)
    with pytest.raises(torch.OutOfMemoryError):
        maps(model, torch.randn(24, 48, 48), TileRoom())
    assert 3 < device.refusals < 20


def test_what_is_not_for_want_of_memory_is_not_tried_again(model, monkeypatch):
    tries = []

    def broken(*_, **__):
        tries.append(1)
        raise RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED")

    monkeypatch.setattr(segmenting, "in_slabs", broken)
    with pytest.raises(RuntimeError, match="cuDNN"):
        maps(model, torch.randn(24, 48, 48), TileRoom())
    assert len(tries) == 1
