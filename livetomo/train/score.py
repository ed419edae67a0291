"""How well a network does on examples that it never learned from."""

from collections.abc import Sequence

import numpy as np
import torch

from livetomo.core.picks import Picks
from livetomo.evaluate.matching import Counts, count
from livetomo.evaluate.segmentation import ProbabilityHistogram, curve
from livetomo.processing.networks.unet import Network
from livetomo.processing.pick.maxima import maxima
from livetomo.processing.segment.centres import RIBOSOME_RADIUS_ANGSTROM, centred
from livetomo.processing.segment.tiles import tiled
from livetomo.train.example import Example, bit

MATCH_RADIUS_ANGSTROM = 125.0
SPACING_ANGSTROM = 160.0
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
def score(network: Network, examples: Sequence[Example], device: torch.device) -> dict[str, float]:
    """Dice and average precision of each feature, and ribosomes as picks: recall, precision, F1 and F4 at 0.5."""
    features = network.layout.features
    network.eval()
    curves: dict[str, ProbabilityHistogram] = {}
    counts = Counts(0, 0, 0)
    for example in examples:
        probability = predict(network, example.volume, device)
        for channel, feature in enumerate(features):
            if feature not in example.known:
                continue
            truth = (example.targets & bit(feature)) > 0
            this = curve(probability[channel].float().cpu().numpy(), truth)
            curves[feature] = curves[feature] + this if feature in curves else this
        if "ribosome" in features and "ribosome" in example.known:
            size = example.voxel_size_angstrom
            found = ribosome_picks(probability[features.index("ribosome")], size).above(0.5)
            counts += count(found.position, example.ribosomes, MATCH_RADIUS_ANGSTROM / size)
    figures = {}
    for feature, total in curves.items():
        figures[f"dice_{feature}"] = total.dice()
        figures[f"ap_{feature}"] = total.average_precision()
    if "ribosome" in features:
        figures |= {"recall_ribosome": counts.recall, "precision_ribosome": counts.precision}
        figures |= {"f1_ribosome": counts.f(1), "f4_ribosome": counts.f(4)}
    return {name: round(value, 4) for name, value in figures.items()}


def ribosome_picks(probability: torch.Tensor, voxel_size_angstrom: float, threshold: float = 0.1) -> Picks:
    """Picks from a map of the spheres that stand for ribosomes."""
    centres = centred(probability, radius_voxels=RIBOSOME_RADIUS_ANGSTROM / voxel_size_angstrom)
    return maxima(centres, threshold=threshold, spacing_voxels=SPACING_ANGSTROM / voxel_size_angstrom)
