"""Score picks and segmentations against what is known to be there."""
