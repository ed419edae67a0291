"""Volumes of particles in known poses, and the template that they are drawn from."""

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from livetomo.processing.match.template import template
from livetomo.simulate.shapes import packed_balls, ribosome_like

VOXEL = 12.0
LOW_PASS = 36.0
SHAPE = ribosome_like()


def symmetric_shape():
    """C4 around z: four lobes of three unlike balls, and a cap that tells up from down."""
    lobe = np.array([[70.0, 0, -30], [95, 25, 0], [60, 30, 45]])
    around = [lobe @ Rotation.from_euler("z", 90 * n, degrees=True).as_matrix().T for n in range(4)]
    centres = np.concatenate([*around, [[0, 0, 90.0]]])
    return packed_balls("ring", centres, np.full(len(centres), 18.0), 1.5e6)


def volume_with(poses, *, shape=SHAPE, size=(40, 48, 48), noise=0.0, seed=0):
    """Protein bright, float32 (z, y, x). poses: of (position in voxels, z, y, x; rotation)."""
    rng = np.random.default_rng(seed)
    volume = rng.normal(0, noise, size).astype(np.float32) if noise else np.zeros(size, np.float32)
    for position, rotation in poses:
        at = np.rint(position).astype(int)
        cube = shape.draw(rotation.as_matrix(), VOXEL, np.asarray(position) - at)
        half = cube.shape[0] // 2
        low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, size)
        into = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        part = tuple(slice(a, b) for a, b in zip(low - at + half, high - at + half, strict=True))
        volume[into] += cube[part]
    return torch.from_numpy(volume)


def template_of(shape=SHAPE, *, symmetry="C1", mirrored=False, low_pass=LOW_PASS):
    cube = shape.draw(np.eye(3), 8.0, np.zeros(3))
    if mirrored:
        cube = cube[:, :, ::-1].copy()
    return template(
        cube,
        voxel_size_angstrom=8.0,
        centre=np.array(cube.shape) // 2,
        diameter_angstrom=shape.diameter_angstrom,
        low_pass_angstrom=low_pass,
        operations=Rotation.create_group(symmetry).as_matrix(),
    )
