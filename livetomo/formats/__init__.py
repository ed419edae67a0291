"""Volumes in, maps and picks out: one file per format."""
