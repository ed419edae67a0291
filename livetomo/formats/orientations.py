"""Orientations as matrices: what turns the reference into the particle, columns in x, y and z."""

import warnings

import numpy as np
from scipy.spatial.transform import Rotation

from livetomo.formats.frame import Placed, Points


def turns_of(placed: Placed) -> Points | None:
    """(n, 3, 3) by which copick and the CryoET Data Portal turn the reference; None without an orientation."""
    angles = placed.angles()
    return None if angles is None else turns(angles)


def turns(angles: Points) -> Points:
    """(n, 3, 3) of RELION's rot, tilt and psi (n, 3), in degrees."""
    if not len(angles):
        return np.zeros((0, 3, 3))
    matrices: Points = Rotation.from_euler("ZYZ", angles, degrees=True).inv().as_matrix()
    return matrices


def euler_of(matrices: Points) -> Points:
    """(n, 3) the inverse of `turns`: RELION's angles; where tilt is 0, rot and psi are one, and all of it rot."""
    if not len(matrices):
        return np.zeros((0, 3))
    with warnings.catch_warnings(action="ignore", category=UserWarning):  # scipy says so each time
        angles: Points = Rotation.from_matrix(matrices).inv().as_euler("ZYZ", degrees=True)
    return angles
