"""What is learned from: a volume as the network will see it, and what is where in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from livetomo.config.model_card import Canonical
from livetomo.core.picks import Picks
from livetomo.processing.normalise import clip_, normalise_
from livetomo.processing.segment.canonical import to_canonical
from livetomo.simulate.truth import Truth
from livetomo.train.goals import Goal

Bits = npt.NDArray[np.uint8 | np.int32]
MOST_FEATURES = 31


@dataclass(frozen=True, slots=True)
class Example:
    """One volume to learn from, (z, y, x).

    volume:  float16, at the canonical voxel size or near it, with the canonical spectrum, matter positive.
    targets: of the type of `no_targets`; bit i is set where `features[i]` is.
    features: those that have a bit; the same of all examples of one training.
    known:   the features of which `targets` holds the truth; of the others nothing is learned here.
    centres: of features that are particles and where they are known, float64 (n, 3), voxel index (z, y, x).
    voxel_size_angstrom: of `volume`; the same along every axis to a percent or so.
    """

    volume: npt.NDArray[np.float16]
    targets: Bits
    features: tuple[str, ...]
    known: frozenset[str]
    centres: Mapping[str, npt.NDArray[np.float64]]
    voxel_size_angstrom: float

    def bit(self, feature: str) -> int:
        """The value of a feature's bit in `targets`."""
        return 1 << self.features.index(feature)


def no_targets(shape_zyx: Sequence[int], goals: Sequence[Goal]) -> Bits:
    """Targets in which nothing is yet: of the smallest type that has a bit for each of at most `MOST_FEATURES`."""
    return np.zeros(shape_zyx, np.uint8 if len(goals) <= 8 else np.int32)


def prepared(
    volume: npt.NDArray[np.floating], voxel_size_angstrom: float, canonical: Canonical, *, bright: bool = False
) -> npt.NDArray[np.float16]:
    """A tomogram as the network will see it, (z, y, x) at the canonical voxel size."""
    density = clip_(normalise_(torch.from_numpy(volume.astype(np.float32)), "bright" if bright else "dark"))
    seen = to_canonical(density, voxel_size_angstrom=voxel_size_angstrom, canonical=canonical)
    out: npt.NDArray[np.float16] = seen.numpy().astype(np.float16)
    return out


def add_labels(targets: Bits, labels: npt.NDArray[np.int8], names: Sequence[str], goals: Sequence[Goal]) -> None:
    """Set the bits of the goals where label values 1, 2, … mean their features' `names`, in place.

    Particles are left out: they are learned from their positions, as their bodies touch.
    """
    table = np.zeros(256, targets.dtype)
    for index, goal in enumerate(goals):
        if goal.feature in names and goal.centre is None:
            table[1 + names.index(goal.feature)] = 1 << index
    targets |= table[labels.astype(np.uint8)]


def on_grid(labels: npt.NDArray[np.int8], shape_zyx: Sequence[int]) -> npt.NDArray[np.int8]:
    """The nearest labels on a grid of this shape with the same first voxel, as with `to_canonical`."""
    where = [
        np.minimum(np.rint(np.arange(m) * n / m).astype(int), n - 1)
        for n, m in zip(labels.shape, shape_zyx, strict=True)
    ]
    out: npt.NDArray[np.int8] = labels[np.ix_(*where)]
    return out


def add_spheres(
    targets: Bits,
    flag: int,
    centres: npt.NDArray[np.float64],
    radius_angstrom: float,
    voxel_sizes_angstrom: npt.NDArray[np.float64],
) -> None:
    """Set the bit `flag` in a sphere around each position (n, 3; voxel index, z, y, x), in place."""
    reach = np.ceil(radius_angstrom / voxel_sizes_angstrom).astype(int)
    for centre in centres:
        low = np.maximum(np.floor(centre).astype(int) - reach, 0)
        high = np.minimum(np.ceil(centre).astype(int) + reach + 1, targets.shape)
        if (high <= low).any():
            continue
        offsets = [
            (np.arange(a, b) - c) * size for a, b, c, size in zip(low, high, centre, voxel_sizes_angstrom, strict=True)
        ]
        square = offsets[0][:, None, None] ** 2 + offsets[1][None, :, None] ** 2 + offsets[2][None, None, :] ** 2
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        targets[box][square < radius_angstrom**2] |= targets.dtype.type(flag)


def add_particles(
    targets: Bits, goals: Sequence[Goal], truth: Truth, voxel_size_angstrom: float
) -> dict[str, npt.NDArray[np.float64]]:
    """Set the bits of the goals that are particles where a simulation has them, in place; returns their positions.

    truth: of a volume with the same first voxel and extent, whatever its voxels.
    """
    scale = np.array(targets.shape) / np.array(truth.labels.shape)
    centres = {}
    for index, goal in enumerate(goals):
        if goal.centre is None:
            continue
        found = truth.picks.get(goal.feature, Picks.none()).position.astype(np.float64) * scale
        add_spheres(targets, 1 << index, found, goal.centre.radius_angstrom, np.full(3, voxel_size_angstrom))
        centres[goal.feature] = found
    return centres
