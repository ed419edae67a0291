"""A symmetry is found where it is, with its axes; what has none is not given one."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from livetomo.core.particle_facts import ParticleFacts
from livetomo.processing.particle_map.prepare import prepare_map
from livetomo.processing.particle_map.read import read_particle_map
from livetomo.processing.particle_map.symmetry import align_symmetry, guess_symmetry
from tests.particles import MASS_KDA, ball

ORDERS = {"C2": 2, "C5": 5, "C6": 6, "D2": 4, "D7": 14, "T": 12, "O": 24, "I": 60}


def assembly(name, seed, frame=None):
    """Balls at random and all that the group makes of them, in a frame at random."""
    rng = np.random.default_rng(seed)
    group = Rotation.create_group(name).as_matrix()
    turn = Rotation.random(rng=rng).as_matrix() if frame is None else frame
    axis, density = np.arange(64), np.zeros((64, 64, 64))
    for place in rng.uniform(-1, 1, (max(4, 24 // len(group)), 3)):
        place *= rng.uniform(9, 18) / np.linalg.norm(place)
        for around in 31.5 + place @ (turn @ group).transpose(0, 2, 1):
            x, y, z = (np.exp(-((axis - at) ** 2) / 18) for at in around)
            density += z[:, None, None] * y[:, None] * x
    density = density.astype(np.float32)
    density += 0.5 * density.max() * ball(side=64, radius=9)
    return prepare_map(name, density, 4.0, ParticleFacts(contour=0.25 * float(density.max())))


def likeness(particle, rotation):
    """Of the particle with itself turned about its centre: 1 where it is left as it is."""
    grid = np.indices(particle.density.shape).reshape(3, -1).T - particle.centre
    turned = (grid[:, ::-1] @ rotation.T)[:, ::-1] + particle.centre
    values = map_coordinates(particle.density, turned.T, order=1)
    return np.corrcoef(values, particle.density.ravel())[0, 1]


@pytest.mark.parametrize("name", ORDERS)
def test_a_symmetry_is_found_with_rotations_that_leave_the_particle_as_it_is(name):
    particle = assembly(name, seed=5)
    found = guess_symmetry(particle)
    assert found.name == name
    assert found.rotations.shape == (ORDERS[name], 3, 3)
    assert np.linalg.det(found.rotations) == pytest.approx(np.ones(ORDERS[name]))
    least = min(likeness(particle, rotation) for rotation in found.rotations)
    off = Rotation.from_rotvec([0.2, 0.1, 0.15]).as_matrix()  # by 15°
    assert least > max(0.93, likeness(particle, off), likeness(particle, off.T))


@pytest.mark.parametrize("name", ["C5", "D3", "O"])
def test_the_axes_of_a_symmetry_that_is_given_are_found(name):
    particle = assembly(name, seed=7)
    found = align_symmetry(particle, name)
    assert found.score > 0.97
    assert min(likeness(particle, rotation) for rotation in found.rotations) > 0.93


def test_a_symmetry_that_the_map_has_not_scores_low():
    assert align_symmetry(assembly("C3", seed=5), "C4").score < 0.8
    assert align_symmetry(assembly("C3", seed=5), "D3").score < 0.8
    assert align_symmetry(assembly("C1", seed=5), "C2").score < 0.9


@pytest.mark.parametrize("seed", range(3))
def test_what_has_no_symmetry_is_given_none(seed):
    found = guess_symmetry(assembly("C1", seed))
    assert (found.name, len(found.rotations)) == ("C1", 1)


def test_what_is_round_shows_no_fold():
    assert guess_symmetry(prepare_map("x", ball(), 5.0, ParticleFacts(contour=0.5))).name == "C1"


@pytest.mark.parametrize(("name", "symmetry"), [("6utj", "C7"), ("1bxn", "C4"), ("4v4r", "C1"), ("1s3x", "C1")])
def test_real_maps_show_what_is_known_of_them(data, name, symmetry):
    facts = ParticleFacts(mass_dalton=1e3 * MASS_KDA[name])
    assert guess_symmetry(read_particle_map(data / "templates" / f"{name}.mrc", facts)).name == symmetry
