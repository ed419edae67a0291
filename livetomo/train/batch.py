"""Pieces of examples, turned and scaled at random, side by side as a network takes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from livetomo.train.example import Example


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step learns from.

    volume: float32 (n, 1, z, y, x). targets: float32 (n, features, z, y, x), 0 or 1. known: float32 (n, features).
    """

    volume: Tensor
    targets: Tensor
    known: Tensor


def make_batch(
    examples: Sequence[Example],
    features: tuple[str, ...],
    *,
    count: int,
    patch: int,
    around: float,
    rng: np.random.Generator,
    device: torch.device,
) -> Batch:
    """`count` cubes of side `patch`; the same for the same state of `rng`. around: share that lies around a feature."""
    volumes, targets, known, noises = [], [], [], []
    for _ in range(count):
        example, corner = _place(examples, features, patch, around, rng)
        box = tuple(slice(c, c + patch) for c in corner)
        flips = tuple(int(axis) for axis in np.flatnonzero(rng.random(3) < 0.5))
        turn = rng.random() < 0.25
        pieces = [_padded(array[box], patch) for array in (example.volume, example.targets)]
        if turn:  # the tilt axis along x instead of y
            pieces = [piece.transpose(0, 2, 1) for piece in pieces]
        volume, bits = (np.ascontiguousarray(np.flip(piece, flips)) for piece in pieces)
        gain = np.float32(np.exp(rng.normal(0, 0.15)))
        volumes.append(torch.from_numpy(volume * np.float16(gain)))
        noises.append(rng.exponential(0.1))
        targets.append(torch.from_numpy(bits))
        known.append([float(feature in example.known) for feature in features])
    bits_on_device = torch.stack(targets).to(device)
    flags = torch.tensor([examples[0].bit(feature) for feature in features], dtype=bits_on_device.dtype, device=device)
    # Noise is drawn where it is used: on a GPU the processor would take longer over it than the step takes.
    seen = torch.stack(volumes)[:, None].to(device).float()
    chance = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    noise = torch.randn(seen.shape, generator=chance, device=device)
    noise *= torch.tensor(noises, dtype=torch.float32, device=device)[:, None, None, None, None]
    return Batch(
        seen + noise,
        (bits_on_device[:, None] & flags[:, None, None, None]).ne(0).float(),
        torch.tensor(known, device=device),
    )


def _place(
    examples: Sequence[Example], features: tuple[str, ...], patch: int, around: float, rng: np.random.Generator
) -> tuple[Example, npt.NDArray[np.intp]]:
    """An example, and where a cube in it begins: anywhere, or around a voxel of a feature, each feature alike.

    The feature is drawn first and then an example that has it: what few examples have would hardly be seen otherwise.
    """
    if rng.random() < around:
        for flag in rng.permutation([examples[0].bit(feature) for feature in features]):
            for number in rng.permutation(len(examples)):
                example = examples[number]
                # A sample of the voxels is enough: a whole list of them would cost more than the step.
                tries = rng.integers(0, example.targets.size, 2000)
                hits = tries[example.targets.reshape(-1)[tries] & example.targets.dtype.type(flag) > 0]
                if len(hits):
                    centre = np.array(np.unravel_index(hits[0], example.targets.shape))
                    corner: npt.NDArray[np.intp] = centre - patch // 2 + rng.integers(-(patch // 4), patch // 4 + 1, 3)
                    return example, corner.clip(0, _room(example, patch))
    example = examples[int(rng.integers(len(examples)))]
    anywhere: npt.NDArray[np.intp] = rng.integers(0, _room(example, patch) + 1)
    return example, anywhere


def _room(example: Example, patch: int) -> npt.NDArray[np.intp]:
    room: npt.NDArray[np.intp] = np.maximum(np.array(example.volume.shape) - patch, 0)
    return room


def _padded(piece: npt.NDArray[np.generic], patch: int) -> npt.NDArray[np.generic]:
    """Mirrored outwards where the example is smaller than the cube."""
    missing = [(0, patch - extent) for extent in piece.shape]
    return np.pad(piece, missing, mode="symmetric") if any(after for _, after in missing) else piece
