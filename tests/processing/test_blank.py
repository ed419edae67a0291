"""What is blank is found by the evidence, whatever its value and shape; what is only clipped or coarse is not."""

from functools import cache

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, rotate

from livetomo.processing.blank import find_blank, on_grid
from livetomo.processing.normalise import normalise_, typical

SHAPE = (40, 72, 90)


@cache
def noise(smooth=0.0):
    volume = np.random.default_rng(0).standard_normal(SHAPE).astype(np.float32)
    volume = gaussian_filter(volume, smooth) if smooth else volume
    return volume / volume.std() + 3


@cache
def grid():
    return np.indices(SHAPE)


def sphere(radius=30):
    return np.sqrt(sum((axis - n / 2) ** 2 for axis, n in zip(grid(), SHAPE, strict=True))) > radius


def corners():
    return rotate(np.ones(SHAPE), 25, axes=(1, 2), order=0, reshape=False) < 0.5


MASKS = {
    "30 % at one side": lambda: grid()[1] < 22,
    "outside of a cylinder": lambda: ((grid()[1] - 35.5) / 34) ** 2 + ((grid()[2] - 44.5) / 43) ** 2 > 1,
    "80 % around": lambda: (grid()[1] < 29) | (grid()[1] > 43),
    "95 %": lambda: grid()[2] > 4,
    "sections": lambda: (grid()[0] < 8) | (grid()[0] > 30),
    "outside of a sphere": sphere,
    "a turned volume's corners": corners,
    "a hole": lambda: ~sphere(14),
}
VALUES = {
    "zero": lambda volume: 0.0,
    "the mean": lambda volume: volume.mean(),
    "the lowest": lambda volume: volume.min(),
    "the highest": lambda volume: volume.max(),
    "each section's mean": lambda volume: volume.mean((1, 2), keepdims=True),
    "two values": lambda volume: np.where(grid()[2] < 45, -7.0, volume.max()),
}


def found(volume):
    blank = find_blank(torch.from_numpy(np.ascontiguousarray(volume, np.float32)))
    return np.zeros(volume.shape, bool) if blank is None else blank.mask.numpy()


# A small region of the lowest or highest value inside the volume may be ice or gold.
UNSURE = {("a hole", name) for name in ("the lowest", "the highest", "two values")}


TABLE = {(mask, value) for mask in MASKS for value in ("zero", "the lowest")}
TABLE |= {(mask, value) for mask in ("80 % around", "outside of a sphere") for value in VALUES}


@pytest.mark.parametrize(("mask", "value"), sorted(TABLE - UNSURE))
def test_a_region_of_one_value_is_blank_and_nothing_else(mask, value):
    blank, volume = MASKS[mask](), noise()
    filled = np.where(blank, VALUES[value](volume), volume)
    marked = found(filled)
    assert (blank & ~marked).mean() < 0.01
    assert (marked & ~blank).mean() < 0.002


@pytest.mark.parametrize("value", ["zero", "the mean", "the highest"])
@pytest.mark.parametrize("levels", [1.5, 5, 40])
def test_bytes_that_are_padded_are_blank_where_they_are_padded(levels, value):
    volume = np.clip(np.rint((noise() - 3) * levels), -128, 127)
    blank = MASKS["80 % around"]()
    marked = found(np.where(blank, np.rint(VALUES[value](volume)), volume))
    assert (blank & ~marked).mean() < 0.002
    assert (marked & ~blank).mean() < 0.02


@pytest.mark.parametrize("smooth", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("levels", [0.5, 1, 3, 20, 100])
def test_few_levels_are_not_blank(levels, smooth):
    assert not found(np.clip(np.rint((noise(smooth) - 3) * levels), -128, 127)).any()


@pytest.mark.parametrize("smooth", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("clip", [0.5, 1, 2])
def test_a_clipped_volume_is_not_blank(clip, smooth):
    assert not found(np.clip(noise(smooth) - 3, -clip, clip)).any()


@pytest.mark.parametrize("edge", [0.1, 1.5, 4.0])
def test_saturated_ice_is_not_blank(edge):
    distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(grid(), (20, 30, 40), strict=True)))
    ice = -60 / (1 + np.exp(np.clip((distance - 11) / edge, -50, 50)))
    assert not found(np.clip(noise(1.0) - 3 + ice, -5, 5)).any()


@pytest.mark.parametrize("shape", [(2, 2, 2), (2, 64, 64), (3, 5, 7), (16, 2, 300)])
def test_volumes_of_any_shape_are_looked_at(shape):
    rng = np.random.default_rng(0)
    assert not found(rng.standard_normal(shape)).any()
    assert found(np.ones(shape)).all()


@pytest.mark.parametrize("mask", [name for name in MASKS if name != "a hole"])
def test_statistics_are_of_what_is_not_blank(mask):
    blank = MASKS[mask]()
    volume = torch.from_numpy(np.where(blank, 50.0, noise()).astype(np.float32))
    seen = find_blank(volume)
    assert typical(volume, seen.mask) == pytest.approx((3, 1), abs=0.05)
    normal = normalise_(volume, "bright", seen.mask)
    assert float(normal[seen.mask].abs().max()) == 0
    assert typical(normal, seen.mask) == pytest.approx((0, 1), abs=0.01)


def test_the_box_holds_what_is_not_blank():
    volume = torch.zeros(SHAPE)
    volume[3:33, 16:40, 8:80] = torch.from_numpy(noise())[3:33, 16:40, 8:80]
    box = find_blank(volume).box()
    assert box == (slice(3, 33), slice(16, 40), slice(8, 80))


def test_a_mask_on_another_grid_covers_the_same_place():
    mask = torch.zeros(40, 60, 80, dtype=torch.bool)
    mask[:, :30] = True
    coarse = on_grid(mask, (20, 30, 40))
    assert coarse[:, :15].all()
    assert not coarse[:, 15:].any()
    assert torch.equal(on_grid(coarse, (40, 60, 80))[:, 2:28], mask[:, 2:28])
