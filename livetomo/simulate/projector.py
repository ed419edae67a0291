"""Parallel projection over a single-axis tilt series and its exact transpose, as one sparse matrix."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from livetomo.simulate.truth import Floats


class Projector:
    """Project volumes (z, y, x) tilted about y to views (tilt, y, detector), and spread views back.

    Every plane of constant y is projected alike, so one matrix over (z, x) serves them all. The detector is wide
    enough that no voxel leaves it at any tilt.
    """

    def __init__(self, depth: int, width: int, tilts_degrees: npt.NDArray[np.float64]) -> None:
        self.depth, self.width, self.tilts = depth, width, len(tilts_degrees)
        self.detector = 2 * int(np.ceil(np.hypot(depth, width) / 2)) + 2
        z, x = np.meshgrid(np.arange(depth) - (depth - 1) / 2, np.arange(width) - (width - 1) / 2, indexing="ij")
        angles = np.deg2rad(tilts_degrees)[:, None]
        where = x.ravel() * np.cos(angles) + z.ravel() * np.sin(angles) + (self.detector - 1) / 2
        left = np.floor(where)
        share = (where - left).astype(np.float32)
        rows = left.astype(np.int32) + (np.arange(self.tilts, dtype=np.int32) * self.detector)[:, None]
        # (voxel, tilt x 2) entries, written in the row order of the transpose: no sorting of millions of triples.
        indices = np.stack([rows, rows + 1], axis=-1).transpose(1, 0, 2).reshape(-1)
        values = np.stack([1 - share, share], axis=-1).transpose(1, 0, 2).reshape(-1)
        starts = np.arange(0, len(indices) + 1, 2 * self.tilts)
        shape = (depth * width, self.tilts * self.detector)
        self._back = csr_array((values, indices, starts), shape=shape)
        self._forward = self._back.T.tocsr()

    def project(self, volume: Floats) -> Floats:
        """Line integrals, in voxels: (tilt, y, detector)."""
        flat = np.ascontiguousarray(volume.transpose(0, 2, 1)).reshape(self.depth * self.width, -1)
        views: Floats = (self._forward @ flat).reshape(self.tilts, self.detector, -1).transpose(0, 2, 1)
        return views

    def back_project(self, views: Floats) -> Floats:
        """Every voxel (z, y, x) is the sum of what it projects to."""
        flat = np.ascontiguousarray(views.transpose(0, 2, 1)).reshape(self.tilts * self.detector, -1)
        volume: Floats = (self._back @ flat).reshape(self.depth, self.width, -1).transpose(0, 2, 1)
        return volume
