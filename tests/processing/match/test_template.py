"""A template's transform, looked up in any orientation, is that of the particle drawn in this orientation."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from livetomo.processing.match.template import template
from livetomo.simulate.shapes import packed_balls, ribosome_like

SHAPE = ribosome_like()
VOXEL = 8.0
LOW_PASS = 30.0


def drawn(offset=(0.0, 0.0, 0.0), shape=SHAPE):
    """The map of the particle, and where its centre lies."""
    cube = shape.draw(np.eye(3), VOXEL, np.array(offset))
    return cube, np.array(cube.shape) // 2 + np.array(offset)


def exact(rotation, frequencies, shape=SHAPE):
    """The transform of the balls that the shape is made of; a voxel's own width widens each."""
    centres = shape.centres @ rotation.T
    variances = shape.sigmas**2 + (0.42 * VOXEL) ** 2
    masses = shape.weights * (shape.sigmas / VOXEL) ** 3 * (2 * np.pi) ** 1.5
    k2 = (frequencies**2).sum(axis=1)
    waves = np.exp(-2j * np.pi * frequencies @ centres.T)
    return (waves * masses * np.exp(-2 * np.pi**2 * k2[:, None] * variances)).sum(axis=1)


def directions(count=400):
    rng = np.random.default_rng(4)
    found = rng.normal(size=(count, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True) * rng.uniform(0, 1 / LOW_PASS, (count, 1))


def made(density, centre, diameter=1.1 * SHAPE.diameter_angstrom):
    return template(
        density,
        voxel_size_angstrom=VOXEL,
        centre=centre,
        diameter_angstrom=diameter,
        low_pass_angstrom=LOW_PASS,
    )


@pytest.mark.parametrize("offset", [(0.0, 0.0, 0.0), (0.4, -0.3, 0.25)])
def test_the_transform_is_that_of_the_turned_particle(offset):
    rotations, k = Rotation.random(5, rng=np.random.default_rng(2)).as_matrix(), directions()
    found = made(*drawn(offset)).spectra(torch.from_numpy(rotations).float(), torch.from_numpy(k).float()).numpy()
    scale = None
    for rotation, one in zip(rotations, found, strict=True):
        expected = exact(rotation, k)
        scale = scale or np.abs(expected).sum() / np.abs(one).sum()
        error = np.linalg.norm(one * scale - expected) / np.linalg.norm(expected)
        assert error < 0.01


def test_what_lies_far_from_the_centre_counts_as_what_lies_in_it():
    places = np.array([[0.0, 0, 0], [85, 85, 0], [-85, -85, 0]])
    shape, k = packed_balls("three", places, np.full(3, 16.0), 5e5), directions()
    found = made(*drawn(shape=shape), 1.2 * shape.diameter_angstrom).spectra(
        torch.eye(3)[None], torch.from_numpy(k).float()
    )
    expected, one = exact(np.eye(3), k, shape), found[0].numpy()
    scale = np.abs(expected).sum() / np.abs(one).sum()
    assert np.linalg.norm(one * scale - expected) / np.linalg.norm(expected) < 0.012


def test_what_lies_outside_the_sphere_is_left_out():
    cube, centre = drawn()
    crowded = np.pad(cube, 12)
    crowded[:4] = 5
    crowded[13:16, 13:16, 13:16] = 5  # in a corner of the cube around the sphere
    k = torch.from_numpy(directions()).float()
    alone, among = (made(*one).spectra(torch.eye(3)[None], k) for one in ((cube, centre), (crowded, centre + 12)))
    torch.testing.assert_close(among, alone, rtol=1e-3, atol=1e-3 * float(alone.abs().max()))


def test_a_map_that_ends_within_the_sphere_is_taken_with_nothing_around_it():
    cube, centre = drawn()
    cut = cube[6:]
    k = torch.from_numpy(directions()).float()
    emptied = cube.copy()
    emptied[:6] = 0
    expected = made(emptied, centre).spectra(torch.eye(3)[None], k)
    torch.testing.assert_close(made(cut, centre - np.array([6, 0, 0])).spectra(torch.eye(3)[None], k), expected)
