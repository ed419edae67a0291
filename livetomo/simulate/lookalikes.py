"""Particles about as large and as heavy as a ribosome that are none."""

import numpy as np

from livetomo.simulate.shapes import Balls, Matrix, packed_balls

VOLUME_ANGSTROM3 = (1.2e6, 5.0e6)
"""Of protein. A ribosome's is 3.4e6."""


def random_lookalike(rng: np.random.Generator, name: str = "lookalike") -> Balls:
    """A cage, a barrel, a ring, a rod or three lobes, made up for the occasion; 180 to 380 Å wide."""
    kinds = (_cage, _barrel, _ring, _rod, _lobes)
    points = kinds[int(rng.integers(len(kinds)))](rng, int(rng.integers(40, 90)))
    sigmas = rng.uniform(13.0, 19.0, len(points))
    return packed_balls(name, points, sigmas, float(np.exp(rng.uniform(*np.log(VOLUME_ANGSTROM3)))))


def _directions(rng: np.random.Generator, count: int) -> Matrix:
    directions: Matrix = rng.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return directions


def _cage(rng: np.random.Generator, count: int) -> Matrix:
    """A hollow sphere, as of an encapsulin."""
    return _directions(rng, count) * rng.uniform(80, 150)


def _barrel(rng: np.random.Generator, count: int) -> Matrix:
    """Two to four rings on each other, as of chaperonins and proteasomes."""
    floors = int(rng.integers(2, 5))
    height = rng.uniform(40, 60)
    angle = rng.uniform(0, 2 * np.pi, count)
    radius = rng.uniform(45, 80)
    z = (rng.integers(floors, size=count) - (floors - 1) / 2) * height
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def _ring(rng: np.random.Generator, count: int) -> Matrix:
    angle = rng.uniform(0, 2 * np.pi, count)
    radius = rng.uniform(80, 140)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), rng.normal(0, 15, count)], axis=1)


def _rod(rng: np.random.Generator, count: int) -> Matrix:
    radius = rng.uniform(25, 45)
    return _directions(rng, count) * (rng.random((count, 1)) ** (1 / 3)) * (radius, radius, rng.uniform(120, 180))


def _lobes(rng: np.random.Generator, count: int) -> Matrix:
    """Three lobes around a middle."""
    middles = _directions(rng, 3) * rng.uniform(60, 110)
    points: Matrix = middles[rng.integers(3, size=count)] + _directions(rng, count) * rng.uniform(20, 45, (count, 1))
    return points
