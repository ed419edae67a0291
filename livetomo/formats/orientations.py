"""Orientations as matrices: what turns the reference into the particle, columns in x, y and z."""

import warnings

import numpy as np
from scipy.spatial.transform import Rotation

from livetomo.formats.frame import Placed, Points


def turns_of(placed: Placed) -> Points | None:
    """(n, 3, 3) by which copick and the CryoET Data Portal turn the reference; None without an orientation."""
    angles = placed.angles()
    if angles is None:
        return None
    if not len(angles):
        return np.zeros((0, 3, 3))
    turns: Points = Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()
    return turns


def euler_of(turns: Points) -> Points:
    """(n, 3) the inverse of `turns_of`: RELION's angles; where tilt is 0, rot and psi are one, and all of it rot."""
    if not len(turns):
        return np.zeros((0, 3))
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # scipy says so each time
        angles: Points = Rotation.from_matrix(turns).inv().as_euler("ZYZ", degrees=True)
    return angles
