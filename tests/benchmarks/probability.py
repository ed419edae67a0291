"""A probability map with known particles, some of them touching, as a segmentation network would leave it."""

import numpy as np

SHAPE = (200, 512, 512)
VOXEL_ANGSTROM = 10.0


def probability_volume(shape=SHAPE, blobs=300, touching=40, specks=0, seed=1):
    """float32 (z, y, x), 0..1, and the centres (n, 3): soft balls of radius 10, `touching` of them fused to another."""
    rng = np.random.default_rng(seed)
    volume = np.zeros(shape, np.float32)
    centres = _centres(rng, shape, blobs, touching)
    for centre in centres:
        _draw(volume, centre, rng.normal(10, 0.7))
    volume += rng.normal(0, 0.05, shape).astype(np.float32)
    for _ in range(specks):
        _speck(volume, rng.integers(3, np.array(shape) - 3), rng.uniform(0.5, 2.4))
    return np.clip(volume, 0, 1, out=volume), centres


def _centres(rng, shape, blobs, touching):
    """At least 30 voxels apart but for the touching ones, which are 17 from one other and 28 from the rest."""
    centres: list[np.ndarray] = []
    low, high = np.full(3, 20.0), np.array(shape) - 20.0
    while len(centres) < blobs - touching:
        centre = rng.uniform(low, high)
        if all(np.linalg.norm(centre - other) >= 30 for other in centres):
            centres.append(centre)
    alone = len(centres)
    while len(centres) < blobs:
        towards = rng.normal(size=3)
        centre = centres[rng.integers(alone)] + 17 * towards / np.linalg.norm(towards)
        close = sum(np.linalg.norm(centre - other) < 28 for other in centres)
        if close == 1 and (centre >= low).all() and (centre < high).all():
            centres.append(centre)
    return np.array(centres)


def _draw(volume, centre, radius):
    reach = int(radius + 8)
    box = tuple(slice(max(0, int(at) - reach), int(at) + reach + 1) for at in centre)
    grid = np.ogrid[tuple(slice(side.start, min(side.stop, extent)) for side, extent in zip(box, volume.shape))]  # noqa: B905
    distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(grid, centre, strict=True)))
    np.maximum(volume[box], 0.95 / (1 + np.exp(distance - radius)), out=volume[box], casting="same_kind")


def _speck(volume, centre, radius):
    grid = np.ogrid[-3:4, -3:4, -3:4]
    inside = sum(axis**2 for axis in grid) <= radius**2
    volume[tuple(slice(at - 3, at + 4) for at in centre)] += 0.8 * inside.astype(np.float32)
