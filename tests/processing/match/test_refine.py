"""A particle is found where it lies and as it is turned, whatever hides a part of it."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from livetomo.core.geometry import TomogramGeometry
from livetomo.formats.orientations import euler_of
from livetomo.processing.match import correlate
from livetomo.processing.match.band import FilledWedge, filtered
from livetomo.processing.match.refine import match, step_degrees
from livetomo.processing.match.rotations import angular_distance
from livetomo.simulate.microscope import Microscope, image
from livetomo.simulate.particles import Population
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, draw
from tests.processing.match.posed import LOW_PASS, SHAPE, VOXEL, symmetric_shape, template_of, volume_with

PLACES = [(20.0, 24.0, 16.3), (17.6, 23.0, 38.2), (22.3, 60.4, 17.0), (20.0, 61.0, 41.7)]
SIZE = (40, 84, 58)


def poses(seed=1):
    return Rotation.random(len(PLACES), rng=np.random.default_rng(seed))


def found(volume, template, candidates, *, wedge=None, whiten=1.0, reach=30.0):
    source = filtered(volume, voxel_size_angstrom=VOXEL, low_pass_angstrom=LOW_PASS, whiten=whiten)
    return match(source, np.array(candidates, np.float32), template, wedge=wedge, reach_angstrom=reach)


def moved(seed=2):
    return np.array(PLACES) + np.random.default_rng(seed).uniform(-1, 1, (len(PLACES), 3))


def test_position_and_orientation_are_found_within_a_voxel_and_a_few_degrees():
    turned = poses()
    volume = volume_with(zip(PLACES, turned, strict=True), size=SIZE, noise=0.15)
    matches = found(volume, template_of(), moved())
    assert angular_distance(turned.as_matrix(), matches.rotation).max() < 3
    assert np.linalg.norm(matches.position - PLACES, axis=1).max() < 0.25
    assert matches.score.min() > 0.6


def test_poses_that_the_symmetry_makes_one_are_found_as_one_of_them():
    turned, shape = poses(), symmetric_shape()
    volume = volume_with(zip(PLACES, turned, strict=True), shape=shape, size=SIZE, noise=0.1)
    by_four = found(volume, template_of(shape, symmetry="C4"), moved())
    assert angular_distance(turned.as_matrix(), by_four.rotation, Rotation.create_group("C4").as_matrix()).max() < 4
    whole = found(volume, template_of(shape), moved())
    np.testing.assert_allclose(by_four.score, whole.score, atol=0.02)


def test_a_mirrored_map_scores_lower():
    volume = volume_with(zip(PLACES, poses(), strict=True), size=SIZE, noise=0.3)
    right = found(volume, template_of(), moved()).score
    wrong = found(volume, template_of(mirrored=True), moved()).score
    assert (right > wrong + 0.03).all()


def test_the_tomogram_of_a_simulated_microscope_gives_the_angles_that_its_truth_has():
    """The senses of tilt, angles and contrast all at once: the views are not the same to both sides."""
    geometry = TomogramGeometry((64, 112, 112), VOXEL)
    specimen = Specimen(IceSlab(700.0), (Population(SHAPE, 9, "ribosome"),))
    density, truth = draw(specimen, geometry, 5)
    microscope = Microscope(tilts_degrees=(-62, 38, 2), snr=0.3, defocus_angstrom=25000, phase_flipped=True)
    dark = image(density, VOXEL, microscope, 5).volume
    true = truth.picks["ribosome"]
    matches = found(-torch.from_numpy(dark), template_of(), true.position, wedge=FilledWedge(-62, 38))
    turned = Rotation.from_euler("ZYZ", true.euler, degrees=True).inv().as_matrix()
    assert np.median(angular_distance(turned, matches.rotation)) < 4
    assert np.median(np.linalg.norm(matches.position - true.position, axis=1)) < 0.5
    again = Rotation.from_euler("ZYZ", euler_of(matches.rotation), degrees=True).inv().as_matrix()
    np.testing.assert_allclose(again, matches.rotation, atol=1e-4)
    opposite = found(-torch.from_numpy(dark), template_of(), true.position, wedge=FilledWedge(-38, 62))
    assert np.median(opposite.score) < np.median(matches.score)
    inverted = found(torch.from_numpy(dark), template_of(), true.position, wedge=FilledWedge(-62, 38))
    assert (inverted.score < matches.score).all()


def test_a_candidate_at_the_border_is_matched_with_what_is_there():
    turned = poses()[:2]
    places = [(20.0, 24.0, 3.0), (0.0, 0.0, 0.0)]
    volume = volume_with([(places[0], turned[0])], size=SIZE, noise=0.1)
    matches = found(volume, template_of(), places, reach=20.0)
    assert angular_distance(turned.as_matrix()[:1], matches.rotation[:1])[0] < 10
    assert np.isfinite(matches.score).all()
    assert np.isfinite(matches.position).all()
    assert matches.score[0] > matches.score[1]


def test_no_candidate_is_no_match():
    matches = found(volume_with([], noise=1.0), template_of(), np.zeros((0, 3)))
    assert matches.position.shape == (0, 3)
    assert matches.rotation.shape == (0, 3, 3)
    assert matches.score.shape == (0,)
    assert euler_of(matches.rotation).shape == (0, 3)


def test_a_volume_smaller_than_the_template_is_matched_with_what_is_there():
    turned = poses()[:1]
    volume = volume_with([((6, 6, 6), turned[0])], size=(13, 13, 13), noise=0.05)
    matches = found(volume, template_of(), [(6, 6, 6)], reach=12.0)
    assert np.isfinite(matches.score).all()
    assert matches.score[0] > 0.2


def test_a_volume_without_contrast_has_matches_that_score_nothing():
    matches = found(torch.full((20, 24, 24), 3.0), template_of(), [(10, 12, 12)])
    assert matches.score.tolist() == [0.0]
    assert np.isfinite(matches.position).all()


@pytest.mark.parametrize("room", [1, 3 * 2**20])
def test_batches_of_any_size_give_the_same(monkeypatch, room):
    volume = volume_with(zip(PLACES, poses(), strict=True), size=SIZE, noise=0.3)
    expected = found(volume, template_of(), moved())
    monkeypatch.setattr(correlate, "BLOCK_BYTES", room)
    matches = found(volume, template_of(), moved())
    np.testing.assert_allclose(matches.score, expected.score, atol=1e-5)
    np.testing.assert_allclose(matches.position, expected.position, atol=1e-3)
    assert angular_distance(matches.rotation, expected.rotation).max() < 0.1


def test_finer_detail_and_larger_particles_need_finer_steps():
    assert step_degrees(20.0, 300.0) == pytest.approx(step_degrees(40.0, 300.0) / 2)
    assert step_degrees(40.0, 600.0) == pytest.approx(step_degrees(40.0, 300.0) / 2)
