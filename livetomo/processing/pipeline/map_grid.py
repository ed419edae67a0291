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


@dataclass(frozen=True, slots=True)
class MapGrid:
    """Where maps lie: over the whole tomogram, the first voxels on each other.

    Index i of the maps along an axis is index i * n_tomogram / n of the tomogram.
    """

    maps: TomogramGeometry
    tomogram: TomogramGeometry

    @staticmethod
    def over(tomogram: TomogramGeometry, shape_zyx: tuple[int, int, int], voxel_size_angstrom: float) -> "MapGrid":
        """Maps of this shape, which have the tomogram's cell: the voxel size is their nominal one."""
        start_x, start_y, start_z = (
            round(start * mine / whole)
            for start, mine, whole in zip(
                tomogram.nstart, reversed(shape_zyx), reversed(tomogram.shape_zyx), strict=True
            )
        )
        maps = replace(
            tomogram,
            shape_zyx=shape_zyx,
            voxel_size_angstrom=voxel_size_angstrom,
            nstart=(start_x, start_y, start_z),
            cell_angstrom=tomogram.extent_angstrom,
        )
        return MapGrid(maps, tomogram)

    def bring(self, probability: Tensor) -> Tensor:
        """A map from any grid over the same tomogram onto this one."""
        shape = self.maps.shape_zyx
        return probability if probability.shape == shape else from_canonical(probability, shape)

    def in_tomogram(self, picks: Picks) -> Picks:
        """Picks of this grid with positions in voxels of the tomogram."""
        scale = np.array(self.tomogram.shape_zyx) / np.array(self.maps.shape_zyx)
        return replace(picks, position=(picks.position * scale).astype(np.float32))

    def in_maps(self, picks: Picks) -> Picks:
        """The inverse of `in_tomogram`."""
        scale = np.array(self.maps.shape_zyx) / np.array(self.tomogram.shape_zyx)
        return replace(picks, position=(picks.position * scale).astype(np.float32))

    def on_tomogram(self, probability: Tensor) -> npt.NDArray[np.int8]:
        """A map of this grid as int8 0..127 on the tomogram's, made section by section."""
        if self.maps.shape_zyx == self.tomogram.shape_zyx:
            return as_probability_bytes(probability.float().cpu().numpy())
        packed = np.empty(self.tomogram.shape_zyx, np.int8)
        depth, (sections, rows, columns) = self.maps.shape_zyx[0], self.tomogram.shape_zyx
        for z, into in enumerate(packed):
            where = z * depth / sections
            below = min(int(where), depth - 1)
            above = min(below + 1, depth - 1)
            section = torch.lerp(probability[below].float(), probability[above].float(), min(where - below, 1.0))
            wide = from_canonical(section[None], (1, rows, columns))
            into[:] = as_probability_bytes(wide.cpu().numpy())[0]
        return packed
