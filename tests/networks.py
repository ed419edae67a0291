"""A tiny network that answers with what it sees, so that what becomes of its answer can be followed."""

from pathlib import Path

import torch

from livetomo.config.model_card import Canonical, Card, Layout
from livetomo.processing.networks.package import save_model
from livetomo.processing.networks.unet import Network

FEATURES = ("membrane", "ribosome", "carbon")


def save_seeing_network(path: Path, features=FEATURES, voxel_size=30.0, name="tiny", sharp=4.0, **card) -> Path:
    """A package whose every feature is where its input is dense; the `carbon` of it where it is light.

    card: what its card says beside that.

    One level, whose first channel passes the volume through both convolutions: probabilities rise with density.
    """
    torch.manual_seed(0)
    layout = Layout(tuple(features), base=2, levels=1)
    network = Network(layout).eval()
    with torch.no_grad():
        first, second = (layer for layer in network.down[0] if isinstance(layer, torch.nn.Conv3d))
        first.weight.zero_()
        second.weight.zero_()
        first.weight[0, 0, 1, 1, 1], first.weight[1, 0, 1, 1, 1] = 1.0, -1.0
        second.weight[0, 0, 1, 1, 1] = second.weight[1, 1, 1, 1, 1] = 1.0
        network.head.weight.zero_()
        for channel, feature in enumerate(features):
            network.head.weight[channel, 1 if feature == "carbon" else 0] = sharp
        network.head.bias.fill_(-2.0 * sharp)
    save_model(path, network, Card.of(name, layout, Canonical(voxel_size), steps=3, **card))
    return path
