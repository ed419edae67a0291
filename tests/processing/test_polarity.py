"""Whether matter is dark or bright is decided by the volume where it is clear, and by nobody where it is not."""

from functools import cache

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from livetomo.processing.measure.polarity import Skew, sign, skews
from livetomo.processing.measure.volume import volume_figures
from livetomo.processing.normalise import clip_, normalise_
from tests.processing.test_slab import VOXEL, seen

SHAPE = (48, 128, 128)


@cache
def noise(smooth=0.0):
    volume = np.random.default_rng(5).standard_normal(SHAPE).astype(np.float32)
    volume = gaussian_filter(volume, smooth) if smooth else volume
    return volume / volume.std()


def dots(value, radius=3.5, number=150, seed=2):
    """Compact matter at random places."""
    rng = np.random.default_rng(seed)
    points = np.zeros(SHAPE, np.float32)
    points[tuple(rng.integers(0, n, number) for n in SHAPE)] = 1
    spread = gaussian_filter(points, radius)
    return value * spread / spread.max()


def figure(volume, density="dark", voxel=20.0):
    prepared = clip_(normalise_(torch.from_numpy(np.array(volume, np.float32)), density))
    return next(
        one for one in volume_figures(prepared, voxel_size_angstrom=voxel).figures if one.name == "density_skew"
    )


@pytest.mark.parametrize(("density", "verdict"), [("dark", "good"), ("bright", "bad")])
@pytest.mark.parametrize("scale", [1.0, -1.0])
def test_the_other_polarity_is_named_whichever_way_round_it_is(density, verdict, scale):
    other = {"dark": "bright", "bright": "dark"}[density]
    volume = scale * (noise() + dots(-6))
    found = figure(volume, density if scale > 0 else other)
    assert found.verdict == verdict
    assert (found.value > 0) == (verdict == "good")
    assert bool(found.reason) == (verdict == "bad")


def test_a_simulated_slab_is_reported_through_the_microscope():
    volume = seen(900, snr=0.5).volume
    assert [figure(sign_ * volume, voxel=VOXEL).verdict for sign_ in (1, -1)] == ["good", "bad"]


NOTHING = {
    "noise": lambda: noise(),
    "smooth noise": lambda: noise(1.5),
    "very smooth noise": lambda: noise(4.0),
    "a gradient": lambda: noise() + np.linspace(-3, 3, SHAPE[2], dtype=np.float32),
    "a bright edge": lambda: noise() + 5 * (np.arange(SHAPE[2]) < 8),
    "a large hole": lambda: noise() + 4 * (np.arange(SHAPE[2]) > 90),
    "both dark and bright": lambda: noise() + dots(-6) + np.roll(dots(6), 64, axis=2),
    "one bright voxel": lambda: np.where(np.arange(noise().size).reshape(SHAPE) == 400_000, 1e6, noise()),
}


@pytest.mark.parametrize("density", ["dark", "bright"])
@pytest.mark.parametrize("name", NOTHING)
def test_where_it_is_not_clear_nothing_is_claimed(name, density):
    assert figure(NOTHING[name](), density).verdict == "unjudged"


def test_a_volume_that_is_too_small_says_nothing():
    found = figure(noise()[:16, :20, :20])
    assert (found.verdict, found.value) == ("missing", None)


def test_blank_parts_do_not_count():
    volume = torch.from_numpy(noise() + dots(-6))
    blank = torch.zeros(SHAPE, dtype=torch.bool)
    blank[:, 70:] = True
    volume = clip_(normalise_(volume.clone(), "dark", blank))
    found = skews(volume, voxel_size_angstrom=20.0, slab=None, blank=blank)
    part = skews(volume[:, :70], voxel_size_angstrom=20.0, slab=None, blank=None)
    assert sign(found) == sign(part) == 1


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], 0),
        ([Skew(-0.5, -0.2, 5000)], -1),
        ([Skew(-0.5, -0.2, 5000), Skew(-0.2, 0.0, 2000)], -1),
        ([Skew(-0.5, -0.2, 5000), Skew(0.2, 0.1, 2000)], 0),
        ([Skew(-0.2, -0.2, 5000)], 0),
        ([Skew(-2.0, -0.02, 5000)], 0),
        ([Skew(0.4, 0.1, 5000), Skew(0.9, 0.3, 2000)], 1),
    ],
)
def test_every_scale_has_to_agree_and_one_to_be_loud(found, expected):
    assert sign(found) == expected
