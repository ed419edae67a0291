"""Compare candidates with a density map in all orientations: refined centres, angles and scores."""
