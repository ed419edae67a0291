"""Tomograms with known content: what is in the specimen, and what a microscope makes of it."""
