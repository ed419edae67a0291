"""The tomogram that picks were made in: what turns a voxel index into another program's coordinate."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livetomo.picks import Picks


@dataclass(frozen=True, slots=True)
class Frame:
    """name: the tomogram's, without its producer's tags. shape_zyx: voxels."""

    name: str
    shape_zyx: tuple[int, int, int]
    voxel_size_angstrom: float

    def corner_xyz_angstrom(self, picks: Picks) -> npt.NDArray[np.float64]:
        """Positions (n, 3) x, y, z in Å from the centre of the first voxel."""
        return picks.position[:, ::-1].astype(np.float64) * self.voxel_size_angstrom

    def centred_xyz_angstrom(self, picks: Picks) -> npt.NDArray[np.float64]:
        """Positions (n, 3) x, y, z in Å from the centre as RELION 5's extraction has it: index n/2, not (n-1)/2."""
        return self.corner_xyz_angstrom(picks) - np.array(self.shape_zyx[::-1]) / 2 * self.voxel_size_angstrom
