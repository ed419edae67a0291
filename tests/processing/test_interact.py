"""Interactions agree, voxel by voxel, with a reference that is slow, plain and obviously right."""

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livetomo.processing.interact import avoid, colocalize, compete

VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
SHAPES = st.tuples(st.integers(2, 6), st.integers(2, 7), st.integers(2, 8))


def near_reference(mask: np.ndarray, radius: float) -> np.ndarray:
    """Of the mask itself, or closer than `radius` to one of its voxels."""
    near = mask.copy()
    for here in itertools.product(*map(range, mask.shape)):
        for there in np.argwhere(mask):
            near[here] |= ((np.array(here) - there) ** 2).sum() < radius**2
    return near


@st.composite
def maps(draw):
    shape = draw(SHAPES)
    return tuple(draw(arrays.arrays(np.float32, shape, elements=VALUES, fill=st.just(0.0))) for _ in range(2))


@settings(deadline=None, max_examples=60)
@given(maps(), st.sampled_from([0.0, 0.3, 0.5, 0.75]), st.sampled_from([0.0, 0.5, 1.0, 1.2, 2.0, 2.5, 30.0]))
def test_avoid_and_colocalize_are_what_they_say(pair, threshold, radius):
    probability, partner = pair
    near = near_reference(partner > threshold, radius)
    inputs = {"threshold": threshold, "radius_voxels": radius}
    ours, theirs = torch.from_numpy(probability), torch.from_numpy(partner)
    np.testing.assert_array_equal(avoid(ours, theirs, **inputs), np.where(near, 0, probability))
    np.testing.assert_array_equal(colocalize(ours, theirs, **inputs), np.where(near, probability, 0))


def test_inputs_are_left_as_they_are():
    probability, partner = torch.rand(4, 5, 6), torch.rand(4, 5, 6)
    before = probability.clone(), partner.clone()
    avoid(probability, partner, threshold=0.5, radius_voxels=2)
    assert torch.equal(probability, before[0])
    assert torch.equal(partner, before[1])


def test_an_empty_partner_keeps_everything_from_avoid_and_nothing_from_colocalize():
    probability, nothing = torch.rand(4, 5, 6), torch.zeros(4, 5, 6)
    assert torch.equal(avoid(probability, nothing, threshold=0.5, radius_voxels=2), probability)
    assert not colocalize(probability, nothing, threshold=0.5, radius_voxels=2).any()


def as_ais_reference(mask: np.ndarray, radius: float) -> np.ndarray:
    """Slice by slice, with the very kernel of Ais: 2r+1 wide, set where dx² + dy² < r², r in whole voxels."""
    r = int(radius)
    near = np.zeros_like(mask)
    for z, y, x in np.argwhere(mask):
        for dy, dx in itertools.product(range(-r, r + 1), repeat=2):
            inside = 0 <= y + dy < mask.shape[1] and 0 <= x + dx < mask.shape[2]
            if inside and dx * dx + dy * dy < r * r:
                near[z, y + dy, x + dx] = True
    return near


@settings(deadline=None, max_examples=60)
@given(maps(), st.sampled_from([0.0, 0.5, 0.75]), st.sampled_from([0.0, 0.9, 1.0, 1.7, 2.0, 2.5, 3.0, 20.0]))
def test_slicewise_is_what_ais_does(pair, threshold, radius):
    probability, partner = pair
    near = as_ais_reference(partner > threshold, radius)
    inputs = {"threshold": threshold, "radius_voxels": radius, "slicewise": True}
    ours, theirs = torch.from_numpy(probability), torch.from_numpy(partner)
    np.testing.assert_array_equal(avoid(ours, theirs, **inputs), np.where(near, 0, probability))
    np.testing.assert_array_equal(colocalize(ours, theirs, **inputs), np.where(near, probability, 0))


def test_a_slicewise_radius_below_one_voxel_erases_or_does_nothing():
    probability, partner = torch.rand(3, 4, 5), torch.ones(3, 4, 5)
    inputs = {"threshold": 0.5, "radius_voxels": 0.9, "slicewise": True}
    assert torch.equal(avoid(probability, partner, **inputs), probability)
    assert not colocalize(probability, partner, **inputs).any()


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(np.float32, (4, 3, 4, 5), elements=VALUES),
    st.lists(st.sampled_from("abcd"), unique=True),
    st.lists(st.sampled_from("abcd"), unique=True),
)
def test_competition_is_what_it_says(values, emit, absorb):
    names = dict(zip("abcd", values, strict=True))
    wanted = {name: values.copy() for name, values in names.items()}
    for name in absorb if emit else ():
        for voxel in np.ndindex(values.shape[1:]):
            if names[name][voxel] < max(names[other][voxel] for other in emit):
                wanted[name][voxel] = 0
    changed = compete({name: torch.from_numpy(map_) for name, map_ in names.items()}, emit=emit, absorb=absorb)
    for name in names:
        np.testing.assert_array_equal(changed[name], wanted[name])


def test_ties_survive_competition_and_what_both_emits_and_absorbs_is_harmless():
    a, b = torch.tensor([0.5, 0.7, 0.2]), torch.tensor([0.5, 0.6, 0.3])
    changed = compete({"a": a, "b": b}, emit=["a", "b"], absorb=["a", "b"])
    assert torch.equal(changed["a"], torch.tensor([0.5, 0.7, 0.0]))
    assert torch.equal(changed["b"], torch.tensor([0.5, 0.0, 0.3]))
