"""Figures say what they measure, and their verdicts when something is wrong."""

import numpy as np
import pytest
import torch

from livetomo.core.picks import Picks
from livetomo.core.quality.definitions import judged
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.processing.measure.extent import extent_figures
from livetomo.processing.measure.particles import particle_figures
from livetomo.processing.measure.voxels import dense_share, finite_share, saturated_share
from livetomo.processing.voxel_witnesses import contradiction


def noise(shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("replaced", "verdict"), [(0, "good"), (5, "warn"), (50, "bad")])
def test_voxels_that_are_no_numbers_are_reported(replaced, verdict):
    quality = judged(finite_share(1000, replaced))
    assert (quality.value, quality.verdict) == (pytest.approx(1 - replaced / 1000), verdict)
    assert replaced == 0 or f"{replaced / 10:.2f}% of the voxels are not numbers" in quality.reason


@pytest.mark.parametrize(("clip", "verdict"), [(10.0, "good"), (2.5, "warn"), (1.0, "bad")])
def test_a_clipped_volume_is_reported(clip, verdict):
    assert judged(saturated_share(noise((60, 40, 40)).clamp(-clip, clip))).verdict == verdict


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 5, 7), (12, 20, 20)])
def test_the_lowest_and_the_highest_voxel_alone_are_not_saturated(shape):
    assert saturated_share(noise(shape)).value == 0


@pytest.mark.parametrize(("planes", "verdict"), [(0, "good"), (1, "warn"), (6, "bad")])
def test_gold_and_ice_are_reported(planes, verdict):
    volume = noise((100, 20, 20))
    volume[:planes] = 15.0
    quality = judged(dense_share(volume))
    assert (quality.value, quality.verdict) == (pytest.approx(planes / 100), verdict)


def ball(radius, side=48):
    at = torch.arange(side) - (side - 1) / 2
    return ((at[:, None, None] ** 2 + at[:, None] ** 2 + at**2) <= radius**2).float()


def extents(probability, voxel=10.0, threshold=0.5):
    figures = extent_figures("membrane", probability, threshold=threshold, voxel_size_angstrom=voxel)
    return [figure.value for figure in figures]


@pytest.mark.parametrize("radius", [8, 15, 20])
def test_a_ball_has_the_volume_and_the_surface_of_a_ball(radius):
    share, volume, area = extents(ball(radius))
    um = radius * 10.0 * 1e-4
    assert volume == pytest.approx(4 / 3 * np.pi * um**3, rel=0.03)
    assert area == pytest.approx(4 * np.pi * um**2, rel=0.04)
    assert share == pytest.approx(volume / (48 * 10e-4) ** 3)


def test_a_tilted_plane_s_surface_is_its_area_and_the_volume_s_own_faces_are_none():
    z, x = torch.arange(40) - 19.5, torch.arange(40) - 19.5
    for degrees in (0, 20, 45, 70):
        slope = np.tan(np.deg2rad(degrees))
        half = (z[:, None, None] - slope * x < 0).float().expand(40, 32, 40)
        crossed = min(40.0, 40 / slope if slope else 40.0)
        true = crossed * np.hypot(1, slope) * 32 * (10e-4) ** 2
        assert extents(half)[2] == pytest.approx(true, rel=0.1), degrees
    assert extents(torch.ones(20, 20, 20))[1:] == [pytest.approx((20 * 10e-4) ** 3), 0.0]


def test_a_map_that_nowhere_exceeds_its_threshold_has_no_extent():
    assert extents(torch.full((20, 20, 20), 0.4)) == [0.0, 0.0, 0.0]


def picks_at(positions, scores):
    n = len(scores)
    return Picks(np.array(positions, np.float32).reshape(n, 3), np.array(scores, np.float32), np.ones(n, np.float32))


def particles(picks, slab=0.05):
    found = particle_figures("ribosome", picks, voxel_size_angstrom=10.0, volume_um3=0.1, slab_um3=slab)
    return {figure.name.removeprefix("ribosome_"): figure for figure in found}


def test_particles_are_counted_for_the_volume_and_for_the_slab():
    found = particles(picks_at(np.arange(150).reshape(50, 3), np.linspace(0.5, 1, 50)))
    assert (found["count"].value, found["count"].unit) == (50, "")
    assert (found["density"].value, found["density"].unit) == (pytest.approx(500), "1/µm³")
    assert found["slab_density"].value == pytest.approx(1000)


def test_without_a_slab_there_is_no_density_in_it():
    found = particles(picks_at([[0, 0, 0]], [1.0]), slab=None)["slab_density"]
    assert (found.value, found.verdict) == (None, "missing")


def test_scores_are_reported_by_their_tenth_median_and_nine_tenths():
    found = particles(picks_at(np.zeros((101, 3)), np.linspace(1, 0, 101)))
    assert [found[f"score_{end}"].value for end in ("low", "median", "high")] == pytest.approx([0.1, 0.5, 0.9])


def test_the_nearest_neighbour_s_distance_is_its_median_in_angstrom():
    # Distances to the nearest: 3, 3, 4, 5 voxels.
    found = particles(picks_at([[0, 0, 0], [0, 0, 3], [0, 4, 0], [0, 9, 0]], [1, 0.9, 0.8, 0.7]))
    assert (found["neighbour_distance"].value, found["neighbour_distance"].unit) == (pytest.approx(35.0), "Å")


def test_no_particle_and_one_have_neither_distance_nor_more_scores_than_there_are():
    assert particles(Picks.none()).keys() == {"count", "density", "slab_density"}
    assert "neighbour_distance" not in particles(picks_at([[0, 0, 0]], [1.0]))


SERIES = {"pixel_size_angstrom": 2.0, "raw_size_xy": [4096, 2048]}


@pytest.mark.parametrize(
    ("voxel", "shape", "facts", "words"),
    [
        (8.0, (200, 512, 1024), SERIES, None),
        (8.0, (200, 1024, 512), SERIES, None),  # the tilt axis is along the other side
        (8.1, (200, 500, 1000), SERIES, None),
        (16.0, (200, 512, 1024), SERIES, "at 16 Å the volume is 16,384 x 8,192 Å wide, but the tilt series 8,192"),
        (2.0, (200, 512, 1024), SERIES, "at 2 Å"),
        (8.0, (200, 512, 1024), {"acquisition_pixel_size_angstrom": 2.0, "binning": 4.0}, None),
        (10.0, (200, 512, 1024), {"pixel_size_angstrom": 2.0, "binning": 4.0}, "pixels of 2 Å, binned by 4"),
        (10.0, (200, 512, 1024), {"pixel_size_angstrom": 2.0}, None),
        (10.0, (200, 512, 1024), {}, None),
        (10.0, (200, 512, 1024), {"pixel_size_angstrom": "?", "binning": True, "raw_size_xy": [1]}, None),
    ],
)
def test_a_voxel_size_that_the_tilt_series_contradicts_is_named(voxel, shape, facts, words):
    found = contradiction(voxel, shape, SidecarFacts(**facts))
    assert (found is None) == (words is None)
    assert words is None or words in found
