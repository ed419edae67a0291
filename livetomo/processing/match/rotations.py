"""Rotations: an even grid of them, those near one of them, and how far apart two are, modulo a symmetry.

A rotation is a matrix (3, 3) that turns the reference (columns x, y, z) to the pose. The reference's own symmetry
stands to its right: the poses R and R g are the same particle.
"""

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

Matrices = npt.NDArray[np.float64]

NO_SYMMETRY: Matrices = np.eye(3)[None]
"""The operations of C1."""
_PSI = 1.533751168755204
_AXIS_STEPS = (-0.5, 0.0, 0.5)


def rotation_grid(step_degrees: float, operations: Matrices = NO_SYMMETRY) -> Matrices:
    """Rotations (n, 3, 3), evenly spread, about `step` apart; of poses that the `operations` (g, 3, 3) make one, one.

    Of the whole group 8 pi² / step³ are drawn by the super-Fibonacci spiral of Alexa (2022, CVPR, "Super-Fibonacci
    Spirals"), and those are kept that turn least among their equivalents.
    """
    count = max(1, round(8 * np.pi**2 / np.radians(step_degrees) ** 3))
    at = np.arange(count) + 0.5
    inner, outer = np.sqrt(at / count), np.sqrt(1 - at / count)
    first, second = 2 * np.pi * at / np.sqrt(2), 2 * np.pi * at / _PSI
    quaternions = np.stack(
        [inner * np.sin(first), inner * np.cos(first), outer * np.sin(second), outer * np.cos(second)], axis=1
    )
    grid: Matrices = Rotation.from_quat(quaternions).as_matrix()
    # The trace of a rotation falls as its angle grows.
    traces = np.einsum("nij,gji->ng", grid, operations)
    kept = grid[np.trace(grid, axis1=1, axis2=2) >= traces.max(axis=1) - 1e-9]
    return kept if len(kept) else NO_SYMMETRY


def nearby_rotations(step_degrees: float) -> Matrices:
    """Small rotations (27, 3, 3): none, and by half a step along every axis and diagonal of a cube."""
    steps = np.stack(np.meshgrid(_AXIS_STEPS, _AXIS_STEPS, _AXIS_STEPS, indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = steps[np.argsort(np.abs(steps).sum(axis=1), kind="stable")] * np.radians(step_degrees)
    nearby: Matrices = Rotation.from_rotvec(vectors).as_matrix()
    return nearby


def angular_distance(first: Matrices, second: Matrices, operations: Matrices = NO_SYMMETRY) -> npt.NDArray[np.float64]:
    """Degrees (n,) between rotations (n, 3, 3): the angle of the least turn that makes one of the other.

    Poses that the symmetry's operations (g, 3, 3) make one are 0 apart.
    """
    traces = np.einsum("nij,gjk,nik->ng", first, operations, second).max(axis=1)
    angles: npt.NDArray[np.float64] = np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1)))
    return angles
