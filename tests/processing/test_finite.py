"""Whatever a volume holds, what leaves a stage is finite, and where there is nothing nothing is found."""

import math
from functools import cache

import pytest
import torch

from livetomo.config.model_card import Canonical, shipped
from livetomo.processing.blank import find_blank
from livetomo.processing.denoise.deconvolve import deconvolve
from livetomo.processing.denoise.lowpass import lowpass
from livetomo.processing.interact import near
from livetomo.processing.measure.halves import half_figures
from livetomo.processing.measure.slab import energy, find_slab
from livetomo.processing.measure.volume import volume_figures
from livetomo.processing.measure.wedge import angular_power
from livetomo.processing.networks.inference import segment
from livetomo.processing.networks.package import Model, load_model
from livetomo.processing.normalise import clip_, normalise_, replace_non_finite_, typical
from livetomo.processing.pick.maxima import maxima
from livetomo.processing.segment.canonical import from_canonical, to_canonical
from livetomo.processing.segment.centres import centred
from livetomo.processing.segment.labels import labelled
from livetomo.processing.segment.weight_free import blob, ridge

SHAPE = (32, 48, 56)
VOXEL = 20.0
HUGE = torch.finfo(torch.float32).max


def noise():
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))


def changed(place, value, volume=None):
    volume = noise() if volume is None else volume
    volume[place] = value
    return volume


RAW = {
    "noise": noise,
    "zero": lambda: torch.zeros(SHAPE),
    "constant": lambda: torch.full(SHAPE, 7.5),
    "one voxel": lambda: changed((16, 24, 28), 1.0, torch.zeros(SHAPE)),
    "one huge voxel": lambda: changed((16, 24, 28), HUGE),
    "both ends of float32": lambda: changed((slice(16, 17), 24, slice(28, 30)), torch.tensor([-HUGE, HUGE])),
    "not numbers": lambda: changed((slice(8), slice(24)), math.nan),
    "infinite": lambda: changed((16, 24), math.inf),
    "padded": lambda: changed((slice(None), slice(20)), 0.0),
    "mostly padded": lambda: changed((slice(None), slice(6, None)), -3.0),
    "padded in depth": lambda: changed((slice(10, None),), 0.5),
    "steps": lambda: changed((slice(16),), 1.0, torch.zeros(SHAPE)),
    "clipped": lambda: noise().clamp(-0.1, 0.1),
    "half clipped": lambda: noise().clamp(max=0.0),
    "bytes": lambda: (noise() * 2).round(),
    "tiny": lambda: noise() * 1e-38,
    "huge": lambda: noise() * 1e30,
    "far from zero": lambda: noise() + 1e6,
}


@cache
def prepared(name):
    """As the pipeline brings it to the stages: normalised and clipped, and what of it is blank."""
    volume = RAW[name]()
    replace_non_finite_(volume)
    blank = find_blank(volume)
    mask = None if blank is None else blank.mask
    return clip_(normalise_(volume, "dark", mask)), mask


@cache
def model() -> Model:
    return load_model(shipped()["cellular"])


def canonical(volume, blank):
    return to_canonical(volume, voxel_size_angstrom=VOXEL, canonical=Canonical(), blank=blank)


def network(volume, blank):
    return segment(model(), volume, voxel_size_angstrom=VOXEL, mirrors=1).maps.float()


MAPS = {
    "blob": lambda volume, blank: blob(volume, diameter_voxels=10.0, blank=blank),
    "blob, coarse": lambda volume, blank: blob(volume, diameter_voxels=20.0, blank=blank),
    "ridge": lambda volume, blank: ridge(volume, sigmas_voxels=(1.2, 2.0), blank=blank),
    "network": network,
    "centres": lambda volume, blank: centred((volume > 0).half(), radius_voxels=4.0),
    "near": lambda volume, blank: near(volume > 2, radius_voxels=3.0).float(),
    "labels": lambda volume, blank: labelled([volume.clamp(0, 1), volume.neg().clamp(0, 1)], [0.3, 0.3]).float(),
}
VOLUMES = {
    "as it is": lambda volume, blank: volume,
    "lowpass": lambda volume, blank: lowpass(volume, sigma_voxels=2.0),
    "deconvolve": lambda volume, blank: deconvolve(volume, voxel_size_angstrom=VOXEL, defocus_angstrom=4e4),
    "deconvolve, normalised": lambda volume, blank: clip_(
        normalise_(deconvolve(volume, voxel_size_angstrom=VOXEL, defocus_angstrom=4e4), "bright", blank)
    ),
    "canonical": canonical,
    "canonical and back": lambda volume, blank: from_canonical(canonical(volume, blank), SHAPE),
    "energy": lambda volume, blank: energy(volume, voxel_size_angstrom=VOXEL, blank=blank).cells,
    "angles": lambda volume, blank: angular_power(volume, 1),
}


@pytest.mark.parametrize("stage", MAPS)
@pytest.mark.parametrize("name", RAW)
def test_every_map_is_finite_and_between_0_and_1(name, stage):
    volume, blank = prepared(name)
    found = MAPS[stage](volume, blank)
    assert found.isfinite().all()
    assert found.min() >= 0
    assert found.max() <= (2 if stage == "labels" else 1)


@pytest.mark.parametrize("stage", VOLUMES)
@pytest.mark.parametrize("name", RAW)
def test_every_volume_is_finite(name, stage):
    assert VOLUMES[stage](*prepared(name)).isfinite().all()


@pytest.mark.parametrize("name", RAW)
def test_every_figure_is_a_number_or_missing(name):
    volume, blank = prepared(name)
    assert all(math.isfinite(value) for value in typical(volume, blank))
    figures = volume_figures(volume, voxel_size_angstrom=VOXEL, blank=blank).figures
    figures += half_figures(volume, volume.roll(1, 0), voxel_size_angstrom=VOXEL, whole=volume)
    assert all(one.value is None or math.isfinite(one.value) for one in figures)
    slab = find_slab(energy(volume, voxel_size_angstrom=VOXEL, blank=blank))
    assert slab is None or (math.isfinite(slab.thickness_angstrom) and math.isfinite(slab.middle_angstrom))


@pytest.mark.parametrize("name", ["zero", "constant", "padded", "mostly padded", "padded in depth", "not numbers"])
@pytest.mark.parametrize("stage", ["blob", "ridge"])
def test_nothing_is_picked_well_inside_of_what_is_blank(name, stage):
    volume, blank = prepared(name)
    picks = maxima(MAPS[stage](volume, blank), threshold=0.03, spacing_voxels=5.0)
    inside = near(blank.logical_not(), radius_voxels=6.0).logical_not().numpy()
    assert not inside[tuple(picks.position.round().astype(int).T)].any()
