"""The science: functions of tensors, lengths in voxels, on any device; no files, no configuration, no logging."""
