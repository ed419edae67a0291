"""What is learned from: a volume as the network will see it, and what is where in it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from livetomo.config.model_card import Canonical
from livetomo.processing.normalise import clip_, normalise_
from livetomo.processing.segment.canonical import to_canonical
from livetomo.processing.segment.centres import RIBOSOME_RADIUS_ANGSTROM
from livetomo.simulate.truth import FEATURES


@dataclass(frozen=True, slots=True)
class Example:
    """One volume to learn from, (z, y, x).

    volume:  float16, at the canonical voxel size or near it, with the canonical spectrum, matter positive.
    targets: uint8; bit i is set where `FEATURES[i]` is.
    known:   the features of which `targets` holds the truth; of the others nothing is learned here.
    ribosomes: float64 (n, 3), voxel index (z, y, x), where they are known.
    voxel_size_angstrom: of `volume`; the same along every axis to a percent or so.
    """

    volume: npt.NDArray[np.float16]
    targets: npt.NDArray[np.uint8]
    known: frozenset[str]
    ribosomes: npt.NDArray[np.float64]
    voxel_size_angstrom: float


def bit(feature: str) -> int:
    """The value of a feature's bit in `Example.targets`."""
    return 1 << FEATURES.index(feature)


def prepared(
    volume: npt.NDArray[np.floating], voxel_size_angstrom: float, canonical: Canonical, *, bright: bool = False
) -> npt.NDArray[np.float16]:
    """A tomogram as the network will see it, (z, y, x) at the canonical voxel size."""
    density = clip_(normalise_(torch.from_numpy(volume.astype(np.float32)), "bright" if bright else "dark"))
    seen = to_canonical(density, voxel_size_angstrom=voxel_size_angstrom, canonical=canonical)
    out: npt.NDArray[np.float16] = seen.numpy().astype(np.float16)
    return out


def bits_of_labels(labels: npt.NDArray[np.int8], names: tuple[str, ...]) -> npt.NDArray[np.uint8]:
    """Label values 1, 2, … that mean `names`, as bits; names that are no features are left out, ribosomes too.

    Ribosomes are learned from their positions: their bodies touch.
    """
    table = np.zeros(256, np.uint8)
    for value, name in enumerate(names, start=1):
        if name in FEATURES and name != "ribosome":
            table[value] = bit(name)
    out: npt.NDArray[np.uint8] = table[labels.astype(np.uint8)]
    return out


def on_grid(labels: npt.NDArray[np.int8], shape_zyx: Sequence[int]) -> npt.NDArray[np.int8]:
    """The nearest labels on a grid of this shape with the same first voxel, as with `to_canonical`."""
    where = [
        np.minimum(np.rint(np.arange(m) * n / m).astype(int), n - 1)
        for n, m in zip(labels.shape, shape_zyx, strict=True)
    ]
    out: npt.NDArray[np.int8] = labels[np.ix_(*where)]
    return out


def add_ribosomes(
    targets: npt.NDArray[np.uint8], positions: npt.NDArray[np.float64], voxel_sizes_angstrom: npt.NDArray[np.float64]
) -> None:
    """Set the ribosome's bit in a sphere around each position (n, 3; voxel index, z, y, x), in place."""
    flag = np.uint8(bit("ribosome"))
    reach = np.ceil(RIBOSOME_RADIUS_ANGSTROM / voxel_sizes_angstrom).astype(int)
    for position in positions:
        low = np.maximum(np.floor(position).astype(int) - reach, 0)
        high = np.minimum(np.ceil(position).astype(int) + reach + 1, targets.shape)
        if (high <= low).any():
            continue
        offsets = [
            (np.arange(a, b) - c) * size
            for a, b, c, size in zip(low, high, position, voxel_sizes_angstrom, strict=True)
        ]
        square = offsets[0][:, None, None] ** 2 + offsets[1][None, :, None] ** 2 + offsets[2][None, None, :] ** 2
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        targets[box][square < RIBOSOME_RADIUS_ANGSTROM**2] |= flag
