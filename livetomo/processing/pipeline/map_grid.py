"""The grid that a tomogram's probability maps lie on, and the way from there to the tomogram's voxels."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.mrc import as_probability_bytes
from livetomo.processing.segment.canonical import from_canonical

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class MapGrid:
    """Where maps lie: over the whole tomogram, the first voxels on each other.

    Index i along an axis is index i * n_tomogram / n of the tomogram.
    """

    shape_zyx: Shape
    voxel_size_angstrom: float
    tomogram_zyx: Shape

    def bring(self, probability: Tensor) -> Tensor:
        """A map from any grid over the same tomogram onto this one."""
        return probability if probability.shape == self.shape_zyx else from_canonical(probability, self.shape_zyx)

    def geometry(self, tomogram: TomogramGeometry) -> TomogramGeometry:
        """Where a file of this grid lies: over the same cell, so that its voxels are about of their nominal size."""
        start_x, start_y, start_z = (
            round(start * mine / whole)
            for start, mine, whole in zip(
                tomogram.nstart, reversed(self.shape_zyx), reversed(self.tomogram_zyx), strict=True
            )
        )
        return replace(
            tomogram,
            shape_zyx=self.shape_zyx,
            voxel_size_angstrom=self.voxel_size_angstrom,
            nstart=(start_x, start_y, start_z),
            cell_angstrom=tomogram.extent_angstrom,
        )

    def in_tomogram(self, picks: Picks) -> Picks:
        """Picks of this grid with positions in voxels of the tomogram."""
        scale = np.array(self.tomogram_zyx) / np.array(self.shape_zyx)
        return replace(picks, position=(picks.position * scale).astype(np.float32))

    def on_tomogram(self, probability: Tensor) -> npt.NDArray[np.int8]:
        """A map of this grid as int8 0..127 on the tomogram's, made section by section."""
        if self.shape_zyx == self.tomogram_zyx:
            return as_probability_bytes(probability.float().cpu().numpy())
        packed = np.empty(self.tomogram_zyx, np.int8)
        depth, (_, rows, columns) = self.shape_zyx[0], self.tomogram_zyx
        for z, into in enumerate(packed):
            where = z * depth / self.tomogram_zyx[0]
            below = min(int(where), depth - 1)
            above = min(below + 1, depth - 1)
            section = torch.lerp(probability[below].float(), probability[above].float(), min(where - below, 1.0))
            wide = from_canonical(section[None], (1, rows, columns))
            into[:] = as_probability_bytes(wide.cpu().numpy())[0]
        return packed
