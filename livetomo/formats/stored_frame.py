"""Picks in the frame of the file on disk, where that is stored turned: IMOD's `_full_rec`, whose sections are along y.

livetomo works on the volume turned upright, by -90 degrees about x. Programs that are given picks together with the
file on disk want them as that has its voxels; those that go back to the tilt series want them upright.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from livetomo.formats.exporter import Exporter, File
from livetomo.formats.frame import Placed

_AS_STORED = Rotation.from_euler("x", 90, degrees=True)


def in_frame_of(exporter: Exporter[File], placed: Placed) -> Placed:
    """The picks as a format's users expect them."""
    return _as_stored(placed) if placed.frame.is_turned and counts_in_file(exporter) else placed


def counts_in_file(exporter: Exporter[File]) -> bool:
    """Whether its positions count in the tomogram's file; a plug-in need not say so."""
    return getattr(exporter, "counts_in_file", False)


def said_of(exporter: Exporter[File], sets: Sequence[Placed]) -> str:
    """In which frame positions are, where there are two: a sentence; else empty."""
    turned = [placed.frame.name for placed in sets if placed.frame.is_turned]
    if not turned:
        return ""
    which = "as the files on disk have them" if counts_in_file(exporter) else "in the upright frame, with z upwards"
    return f"{len(turned)} of the files are stored turned, as IMOD's _full_rec: positions are {which}."


def _as_stored(placed: Placed) -> Placed:
    """Voxel x, y, z of the upright volume lies at x, depth - 1 - z, y in the file, a turn by +90 degrees about x."""
    picks, (depth, height, width) = placed.picks, placed.frame.geometry.shape_zyx
    z, y, x = picks.position.T
    position = np.column_stack([y, depth - 1 - z, x]).astype(np.float32)
    euler = picks.euler
    if euler is not None and len(euler):
        # the angles turn the particle onto the reference
        turned = Rotation.from_euler("ZYZ", euler.astype(np.float64), degrees=True) * _AS_STORED.inv()
        euler = turned.as_euler("ZYZ", degrees=True).astype(np.float32)
    geometry = replace(placed.frame.geometry, shape_zyx=(height, depth, width))
    frame = replace(placed.frame, geometry=geometry, is_turned=False)
    return replace(placed, picks=replace(picks, position=position, euler=euler), frame=frame)
