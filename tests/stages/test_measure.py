"""Figures say what they measure, and their verdicts when something is wrong."""

import pytest
import torch

from livetomo.stages.measure.particles import particle_figures
from livetomo.stages.measure.thickness import structured_thickness
from livetomo.stages.measure.voxels import finite_share, masked_share, saturated_share


def slab(first, last, depth=100, outside=0.3):
    volume = torch.randn(depth, 40, 40, generator=torch.Generator().manual_seed(0))
    volume[:first] *= outside
    volume[last:] *= outside
    return volume


@pytest.mark.parametrize(("first", "last"), [(30, 70), (10, 40), (20, 90)])
def test_the_thickness_of_a_slab_is_measured(first, last):
    quality = structured_thickness(slab(first, last), voxel_size_angstrom=20)
    assert quality.value == pytest.approx((last - first) * 20, rel=0.05)
    assert (quality.unit, quality.verdict) == ("Å", "good")


@pytest.mark.parametrize(("voxel", "verdict"), [(80, "warn"), (130, "bad")])
def test_a_thick_specimen_is_told(voxel, verdict):
    quality = structured_thickness(slab(30, 70), voxel_size_angstrom=voxel)
    assert quality.verdict == verdict
    assert "thick" in quality.reason


def test_where_no_face_is_seen_the_thickness_is_missing():
    assert structured_thickness(slab(0, 100), voxel_size_angstrom=20).verdict == "missing"
    assert structured_thickness(torch.zeros(10, 10, 10), voxel_size_angstrom=20).verdict == "missing"


@pytest.mark.parametrize(("replaced", "verdict"), [(0, "good"), (5, "warn"), (50, "bad")])
def test_voxels_that_are_no_numbers_are_told(replaced, verdict):
    quality = finite_share(1000, replaced)
    assert (quality.value, quality.verdict) == (pytest.approx(1 - replaced / 1000), verdict)


@pytest.mark.parametrize(("clip", "verdict"), [(10.0, "good"), (2.5, "warn"), (1.0, "bad")])
def test_a_clipped_volume_is_told(clip, verdict):
    assert saturated_share(slab(0, 100).clamp(-clip, clip)).verdict == verdict


@pytest.mark.parametrize(("planes", "verdict"), [(1, "good"), (5, "warn"), (20, "bad")])
def test_a_volume_full_of_ice_is_told(planes, verdict):
    mask = torch.zeros(100, 4, 4)
    mask[:planes] = 1
    quality = masked_share("contamination_share", mask)
    assert (quality.value, quality.verdict) == (pytest.approx(planes / 100), verdict)


def test_particles_are_counted_per_volume():
    count, density = particle_figures("ribosome", 50, 0.1)
    assert (count.value, count.unit) == (50, "")
    assert (density.value, density.unit) == (pytest.approx(500), "1/µm³")
