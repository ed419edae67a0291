"""Say of every voxel how probably it belongs to a feature."""
