"""How far picks lie from the voxels that a result's labels give to a feature."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from livetomo.core.curation import Distances, nearest
from livetomo.core.picks import Picks
from livetomo.curation.rule import Surroundings

LABELS = "labels.mrc"
_POINTS_AT_ONCE = 2_000_000  # with their tree about 250 MB

Points = npt.NDArray[np.float64]


def has_labels(around: Surroundings, feature: str) -> bool:
    """Whether the result's labels say where the feature is."""
    share = around.manifest.quality.get(f"{feature}_share")
    was_sought = share is None or share.verdict != "missing"
    return was_sought and feature in around.manifest.labels and around.has_labels()


def distances_to_labels(picks: Picks, around: Surroundings, feature: str) -> Distances:
    """(n,) Å from each pick to the centre of the feature's nearest voxel; 0 in such a voxel, infinite without one.

    The volume is held as it is stored, a byte for a voxel. Of its voxels only those on the feature's surface are
    looked at, some millions at a time: a transform of the whole would take four to eight times the volume.
    """
    labels = around.labels()
    tomogram = around.manifest.volume.geometry
    scale = np.array(tomogram.shape_zyx) / np.array(labels.shape)  # labels may have larger voxels
    index = picks.position.astype(np.float64) / scale
    value = around.manifest.labels[feature]
    found = np.full(len(picks), np.inf)
    for points in _batches(surface(labels, value)):
        np.minimum(found, nearest(points * scale, picks.position), out=found)
    own = np.rint(index).astype(np.intp).clip(0, np.array(labels.shape) - 1)
    found[labels[tuple(own.T)] == value] = 0.0
    return found * tomogram.voxel_size_angstrom


def surface(labels: npt.NDArray[Any], value: int) -> Iterator[Points]:
    """(m, 3) Section by section, the indices z, y, x of voxels of this value that have a neighbour of another one.

    What lies within has a nearer one on its surface to every point outside.
    """
    below = np.zeros(labels.shape[1:], bool)
    here = labels[0] == value
    for z in range(len(labels)):
        above = labels[z + 1] == value if z + 1 < len(labels) else np.zeros_like(here)
        if here.any():
            within = here & below & above
            within[1:] &= here[:-1]
            within[:-1] &= here[1:]
            within[:, 1:] &= here[:, :-1]
            within[:, :-1] &= here[:, 1:]
            y, x = np.nonzero(here & ~within)
            yield np.column_stack([np.full(len(y), z), y, x]).astype(np.float64)
        below, here = here, above


def _batches(sections: Iterator[Points]) -> Iterator[Points]:
    waiting: list[Points] = []
    for points in sections:
        waiting.append(points)
        if sum(map(len, waiting)) >= _POINTS_AT_ONCE:
            yield np.concatenate(waiting)
            waiting = []
    if waiting:
        yield np.concatenate(waiting)
