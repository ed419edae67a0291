"""How well a network does on examples that it never learned from."""

from collections.abc import Sequence

import numpy as np
import torch

from livetomo.core.picks import Picks
from livetomo.evaluate.matching import Counts, count
from livetomo.evaluate.segmentation import ProbabilityHistogram, curve
from livetomo.processing.networks.unet import Network
from livetomo.processing.pick.maxima import maxima
from livetomo.processing.segment.centres import centred
from livetomo.processing.segment.tiles import tiled
from livetomo.train.example import Example
from livetomo.train.goals import Centre, Goal

MOST_VOXELS = 6_000_000


def predict(network: Network, volume: np.ndarray, device: torch.device) -> torch.Tensor:
    """Probabilities (features, z, y, x), float16, of a prepared volume (z, y, x)."""
    layout = network.layout
    return tiled(
        lambda tile: network(tile).sigmoid_(),
        torch.from_numpy(volume.astype(np.float32)).to(device),
        channels=len(layout.features),
        halo=layout.halo,
        multiple=layout.multiple,
        most_voxels=MOST_VOXELS if device.type == "cpu" else 40 * MOST_VOXELS,
    )


@torch.inference_mode()
def score(
    network: Network, examples: Sequence[Example], goals: Sequence[Goal], device: torch.device
) -> dict[str, float]:
    """Dice and average precision of each feature; of particles also the picks' recall, precision, F1 and F4 at 0.5.

    goals: of the network's features, in their order.
    """
    network.eval()
    curves: dict[str, ProbabilityHistogram] = {}
    counts = {goal.feature: Counts(0, 0, 0) for goal in goals if goal.centre is not None}
    for example in examples:
        probability = predict(network, example.volume, device)
        for channel, goal in enumerate(goals):
            feature = goal.feature
            if feature not in example.known:
                continue
            truth = (example.targets & example.bit(feature)) > 0
            this = curve(probability[channel].float().cpu().numpy(), truth)
            curves[feature] = curves[feature] + this if feature in curves else this
            if goal.centre is not None:
                size = example.voxel_size_angstrom
                found = centre_picks(probability[channel], size, goal.centre).above(0.5)
                counts[feature] += count(found.position, example.centres[feature], goal.centre.match_angstrom / size)
    figures = {}
    for feature, total in curves.items():
        figures[f"dice_{feature}"] = total.dice()
        figures[f"ap_{feature}"] = total.average_precision()
    for feature, found_of in counts.items():
        figures |= {f"recall_{feature}": found_of.recall, f"precision_{feature}": found_of.precision}
        figures |= {f"f1_{feature}": found_of.f(1), f"f4_{feature}": found_of.f(4)}
    return {name: round(value, 4) for name, value in figures.items()}


def centre_picks(
    probability: torch.Tensor, voxel_size_angstrom: float, centre: Centre, threshold: float = 0.1
) -> Picks:
    """Picks from a map of the spheres that stand for particles, (z, y, x)."""
    hills = centred(probability, radius_voxels=centre.radius_angstrom / voxel_size_angstrom)
    return maxima(hills, threshold=threshold, spacing_voxels=centre.spacing_angstrom / voxel_size_angstrom)
