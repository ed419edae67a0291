"""Learn to segment: from simulated tomograms, and from annotated ones."""
