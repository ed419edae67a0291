"""Where a particle ends in its map: the largest connected piece above a level, and the level for a volume."""

from typing import Final

import cc3d
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

BRIDGE = 0.6
"""What hangs together at this share of the level, counted from the solvent, is one piece: noise, a voxel more or less
in a thin bridge, would otherwise decide whether a domain belongs to the particle."""
_FACES: Final = 6  # voxels that share a face are connected: noise then bridges fewer gaps


def sizes_above(density: Floats, level: float) -> npt.NDArray[np.int64]:
    """The voxels of each connected piece of what lies above `level`, largest first; never empty."""
    sizes = np.bincount(_labels(density > level).ravel())[1:]
    return np.sort(np.append(sizes, 0))[::-1]


def largest_piece(density: Floats, level: float, solvent: float) -> Mask:
    """What lies above `level` and hangs together with its largest piece; empty where nothing does."""
    above: Mask = density > level
    if not above.any():
        return above
    labels = _labels(density > solvent + BRIDGE * (level - solvent))
    largest = np.bincount(labels[above]).argmax()
    joined: Mask = above & (labels == largest)
    return joined


def level_of_volume(density: Floats, voxels: float, solvent: float, *, precision: float = 1e-4) -> float:
    """The level above which the largest piece has at least so many voxels; that of the solvent where none has.

    The piece shrinks as the level rises, so that halving finds it. It shrinks in steps where it falls apart: the
    piece may then be larger than asked for. precision: of the level, as a share of its height above the solvent.
    """

    def encloses(level: float) -> bool:
        return bool(np.count_nonzero(largest_piece(density, level, solvent)) >= voxels)

    # Above `high` no more voxels than are wanted lie in all pieces together, above `low` half as many again: in a clean
    # map the level is between them.
    counts = [min(max(int(np.ceil(times * voxels)), 1), density.size) for times in (1.0, 1.5)]
    ranked = np.partition(density, [density.size - count for count in counts], axis=None)
    high, low = (float(ranked[density.size - count]) for count in counts)
    if low <= solvent or not encloses(low):
        low = solvent
    while high - low > precision * (high - solvent):
        middle = (low + high) / 2
        low, high = (middle, high) if encloses(middle) else (low, middle)
    return low


def _labels(above: Mask) -> npt.NDArray[np.integer]:
    """The number of its connected piece for each voxel, from 1; 0 where nothing is."""
    labels: npt.NDArray[np.integer] = cc3d.connected_components(above, connectivity=_FACES)
    return labels
