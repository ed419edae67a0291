"""Rotations: an even grid of them, those near one of them, and how far apart two are, modulo a symmetry.

A rotation is a matrix (3, 3) that turns the reference (columns x, y, z) to the pose. The reference's own symmetry
stands to its right: the poses R and R g are the same particle.
"""

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

Matrices = npt.NDArray[np.float64]
Axis = tuple[int, tuple[float, float, float]]

_Z: Axis = (2, (0.0, 0.0, 1.0))
# Where RELION's point groups have their axes (folds; x, y, z): src/symmetries.cpp, as Xmipp has them.
_POLYHEDRAL: dict[str, Sequence[Axis]] = {
    "T": ((3, (0.0, 0.0, 1.0)), (2, (0.0, 0.816496580927726, 0.577350269189626))),
    "O": ((3, (1.0, 1.0, 1.0)), (4, (0.0, 0.0, 1.0))),
    "I1": (_Z, (5, (0.85065080835204, 0.0, -0.525731112119134))),
    "I2": (_Z, (5, (0.525731112119134, 0.0, 0.85065080835204))),
}
_POLYHEDRAL["I"] = _POLYHEDRAL["I2"]
_MOST_FOLDS = 99
SYMMETRIES = "C1, C2 and so on to C99, D2 to D99, T, O, I (as I2), I1 or I2"
_PSI = 1.533751168755204
_AXIS_STEPS = (-0.5, 0.0, 0.5)


def symmetry_operations(symmetry: str) -> Matrices:
    """The rotations (n, 3, 3) of a point group as RELION names and places it; the first one turns nothing.

    Raises:
        ValueError: there is no such group; says which there are.
    """
    name = symmetry.upper()
    group = [np.eye(3)]
    for folds, axis in _axes(name):
        direction = np.array(axis) / np.linalg.norm(axis)
        group = _closed([*group, Rotation.from_rotvec(direction * 2 * np.pi / folds).as_matrix()])
    return np.array(group)


def _axes(name: str) -> Sequence[Axis]:
    if name in _POLYHEDRAL:
        return _POLYHEDRAL[name]
    found = re.fullmatch(r"([CD])([1-9]\d?)", name)
    if found is None or int(found[2]) > _MOST_FOLDS or name == "D1":
        raise ValueError(f'"{name}" is no symmetry; write {SYMMETRIES}')
    around: Axis = (int(found[2]), (0.0, 0.0, 1.0))
    return (around,) if found[1] == "C" else (around, (2, (1.0, 0.0, 0.0)))


def _closed(generators: list[Matrices]) -> list[Matrices]:
    """The group that these rotations generate, in the order in which its elements are reached."""
    group = [generators[0]]
    for element in group:  # grows while it is walked
        for generator in generators[1:]:
            product = element @ generator
            if not any(np.abs(product - known).max() < 1e-6 for known in group):
                group.append(product)
    return group


def rotation_grid(step_degrees: float, symmetry: str = "C1") -> Matrices:
    """Rotations (n, 3, 3), evenly spread, about `step` apart; of poses that are one by symmetry, one.

    Of the whole group 8 pi² / step³ are drawn by the super-Fibonacci spiral of Alexa (2022, CVPR, "Super-Fibonacci
    Spirals"), and those are kept that turn least among their equivalents.
    """
    group = symmetry_operations(symmetry)
    count = max(1, round(8 * np.pi**2 / np.radians(step_degrees) ** 3))
    at = np.arange(count) + 0.5
    inner, outer = np.sqrt(at / count), np.sqrt(1 - at / count)
    first, second = 2 * np.pi * at / np.sqrt(2), 2 * np.pi * at / _PSI
    quaternions = np.stack(
        [inner * np.sin(first), inner * np.cos(first), outer * np.sin(second), outer * np.cos(second)], axis=1
    )
    grid: Matrices = Rotation.from_quat(quaternions).as_matrix()
    if len(group) == 1:
        return grid
    # The trace of a rotation falls as its angle grows.
    traces = np.einsum("nij,gji->ng", grid, group)
    kept = grid[traces[:, 0] >= traces.max(axis=1) - 1e-9]
    return kept if len(kept) else group[:1]


def nearby_rotations(step_degrees: float) -> Matrices:
    """Small rotations (27, 3, 3): none, and by half a step along every axis and diagonal of a cube."""
    steps = np.stack(np.meshgrid(_AXIS_STEPS, _AXIS_STEPS, _AXIS_STEPS, indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = steps[np.argsort(np.abs(steps).sum(axis=1), kind="stable")] * np.radians(step_degrees)
    nearby: Matrices = Rotation.from_rotvec(vectors).as_matrix()
    return nearby


def angular_distance(first: Matrices, second: Matrices, symmetry: str = "C1") -> npt.NDArray[np.float64]:
    """Degrees (n,) between rotations (n, 3, 3): the angle of the least turn that makes one of the other.

    Poses that the symmetry makes one are 0 apart.
    """
    traces = np.einsum("nij,gjk,nik->ng", first, symmetry_operations(symmetry), second).max(axis=1)
    angles: npt.NDArray[np.float64] = np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1)))
    return angles
