"""What a simulated tomogram really contains."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livetomo.picks import Picks

Floats = npt.NDArray[np.float32]

FEATURES = ("membrane", "ribosome", "microtubule", "filament", "contamination", "carbon")


def label_of(feature: str) -> int:
    """The value that a label volume has where `feature` is; 0 is anything else."""
    return FEATURES.index(feature) + 1


@dataclass(frozen=True, slots=True)
class Truth:
    """What a simulated tomogram really contains.

    picks:    the particles of each feature that is made of particles; every score is 1.
    labels:   int8 (z, y, x), 0 or `label_of` the one feature that fills the voxel.
    normal_z: float16 (z, y, x), |n_z| of the nearest membrane's normal where labels say membrane, else 0: what the
              missing wedge hides has 1.
    """

    picks: Mapping[str, Picks]
    labels: npt.NDArray[np.int8]
    normal_z: npt.NDArray[np.float16]
