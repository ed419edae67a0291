"""Interactions agree, voxel by voxel, with a reference that is slow, plain and obviously right."""

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from livetomo.stages.interact import avoid, colocalize

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
