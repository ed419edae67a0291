"""Say of every voxel which one feature it belongs to."""

from collections.abc import Sequence

import torch
from torch import Tensor


def labelled(maps: Sequence[Tensor], thresholds: Sequence[float]) -> Tensor:
    """int8 (z, y, x): 1 where the first of the maps wins, 2 where the second does, …, and 0 where none does.

    maps: probabilities of one shape. Of those that exceed their own threshold the highest wins; of equals the first.
    """
    if not 1 <= len(maps) <= 127:
        raise ValueError("labels are of 1 to 127 features")
    labels = torch.zeros(maps[0].shape, dtype=torch.int8, device=maps[0].device)
    for z, section in enumerate(labels):
        highest = torch.zeros(section.shape, device=labels.device)
        for value, (probability, threshold) in enumerate(zip(maps, thresholds, strict=True), start=1):
            here = probability[z].float()
            wins = (here > threshold) & (here > highest)
            section[wins] = value
            torch.where(wins, here, highest, out=highest)
    return labels
