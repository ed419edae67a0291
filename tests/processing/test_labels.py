"""Each voxel belongs to the likeliest of the features that reach their threshold there."""

import pytest
import torch

from livetomo.processing.segment.labels import labelled


def test_of_those_above_their_thresholds_the_highest_wins():
    one = torch.tensor([[[0.9, 0.6, 0.6, 0.3, 0.5]]])
    two = torch.tensor([[[0.8, 0.7, 0.65, 0.4, 0.0]]]).half()
    labels = labelled([one, two], [0.5, 0.69])
    assert labels.dtype == torch.int8
    assert labels.tolist() == [[[1, 2, 1, 0, 0]]]


def test_a_mask_is_a_map_too_and_the_first_of_equals_wins():
    mask = torch.tensor([[[1, 0]]], dtype=torch.uint8)
    assert labelled([mask, torch.ones(1, 1, 2)], [0.5, 0.5]).tolist() == [[[1, 2]]]


def test_there_are_no_more_labels_than_a_byte_holds():
    with pytest.raises(ValueError, match="127"):
        labelled([torch.ones(1, 1, 1)] * 128, [0.5] * 128)
