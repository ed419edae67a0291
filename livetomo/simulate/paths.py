"""Paths that wander like stiff polymers."""

import numpy as np

from livetomo.simulate.canvas import Canvas
from livetomo.simulate.shapes import Matrix


def wander(
    canvas: Canvas, rng: np.random.Generator, *, step_angstrom: float, persistence_angstrom: float, steps: int
) -> Matrix:
    """A worm-like chain (n, 3; Å; z, y, x) that starts somewhere in the slab and ends where it would leave the volume.

    It lies flat rather than upright, as filaments in a thin slab do.
    """
    extent = canvas.extent
    point = extent * rng.uniform(0.1, 0.9, 3)
    inside = np.argwhere(canvas.depth[:: max(canvas.shape[0] // 16, 1), 0, 0] < 0)
    if len(inside):
        point[0] = (
            extent[0] * (inside[rng.integers(len(inside)), 0] + 0.5) * max(canvas.shape[0] // 16, 1) / canvas.shape[0]
        )
    heading = rng.normal(size=3) * (0.25, 1.0, 1.0)
    heading /= np.linalg.norm(heading)
    bend = np.sqrt(step_angstrom / persistence_angstrom)
    points = []
    for _ in range(steps):
        if (point < 0).any() or (point >= extent).any():
            break
        points.append(point)
        heading = heading + rng.normal(0, bend, 3) * (0.5, 1.0, 1.0)
        heading /= np.linalg.norm(heading)
        point = point + step_angstrom * heading
    return np.array(points).reshape(-1, 3)


def along(path: Matrix, spacing_angstrom: float) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Points every `spacing` along a path, and at each a frame: the tangent and two directions across it.

    The frame is carried along without twist; everything is (n, 3), (z, y, x).
    """
    pieces = np.linalg.norm(np.diff(path, axis=0), axis=1)
    length = np.concatenate([[0.0], np.cumsum(pieces)])
    where = np.arange(0.0, length[-1], spacing_angstrom)
    points = np.stack([np.interp(where, length, path[:, axis]) for axis in range(3)], axis=1)
    tangents = np.gradient(points, axis=0) if len(points) > 1 else np.array([[0.0, 0.0, 1.0]])
    tangents /= np.maximum(np.linalg.norm(tangents, axis=1, keepdims=True), 1e-9)
    across = np.empty_like(tangents)
    side = np.cross(tangents[0], (1.0, 0.0, 0.0) if abs(tangents[0, 0]) < 0.9 else (0.0, 1.0, 0.0))
    for i, tangent in enumerate(tangents):
        side = side - tangent * (side @ tangent)
        side /= np.linalg.norm(side)
        across[i] = side
    return points, tangents, across, np.cross(tangents, across)
