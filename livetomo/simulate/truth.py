"""What a simulated tomogram really contains."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livetomo.core.picks import Picks

Floats = npt.NDArray[np.float32]

FEATURES = ("membrane", "ribosome", "microtubule", "filament", "contamination", "carbon")
"""The features of a label volume, in the order of its values from 1."""


def label_of(name: str) -> int:
    """The value that a label volume has where `name` is; 0 for everything that is not one of `FEATURES`."""
    return FEATURES.index(name) + 1 if name in FEATURES else 0


@dataclass(frozen=True, slots=True)
class Truth:
    """What a simulated tomogram really contains.

    picks:    the particles of each kind that has a name; every score is 1.
    labels:   int8 (z, y, x), 0 or `label_of` the one feature that fills the voxel.
    normal_z: float16 (z, y, x), |n_z| of the nearest membrane's normal where labels say membrane, else 0: what the
              missing wedge hides has 1.
    """

    picks: Mapping[str, Picks]
    labels: npt.NDArray[np.int8]
    normal_z: npt.NDArray[np.float16]
