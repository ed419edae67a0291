"""One tomogram, one result folder."""
