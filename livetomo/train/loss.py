"""How wrong a network is: cross-entropy for every voxel, and overlap for every feature."""

import torch
from torch import Tensor
from torch.nn import functional

RARE = {"membrane": 2.0, "ribosome": 4.0, "microtubule": 3.0, "filament": 3.0, "contamination": 3.0, "carbon": 3.0}
"""How much more a voxel that has a feature counts than one that has not: recall before precision, picks have scores."""
_CROSS_ENTROPY, _OVERLAP = 3.0, 0.7


def loss(logits: Tensor, targets: Tensor, known: Tensor, features: tuple[str, ...]) -> Tensor:
    """A number, smaller is better; `Batch` says what the tensors are. Features that are not known count for nothing."""
    logits = logits.float()
    weight = torch.tensor([RARE.get(feature, 1.0) for feature in features], device=logits.device)
    entropy = functional.binary_cross_entropy_with_logits(
        logits, targets, pos_weight=weight[:, None, None, None], reduction="none"
    ).mean(dim=(2, 3, 4))
    mask = known[:, :, None, None, None]
    probability = torch.sigmoid(logits) * mask
    wanted = targets * mask
    both = (probability * wanted).sum(dim=(0, 2, 3, 4))
    either = probability.sum(dim=(0, 2, 3, 4)) + wanted.sum(dim=(0, 2, 3, 4))
    overlap = 1 - (2 * both + 100.0) / (either + 100.0)
    # A feature that is nowhere in the batch has no overlap to gain. Were it asked for none, rare ones would die out.
    some = (wanted.sum(dim=(0, 2, 3, 4)) > 0).float()
    return _CROSS_ENTROPY * (entropy * known).sum() / known.sum().clamp(min=1) + _OVERLAP * (
        overlap * some
    ).sum() / some.sum().clamp(min=1)
