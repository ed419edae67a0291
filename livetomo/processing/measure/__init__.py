"""Figures about one tomogram, each with its unit, its verdict and the source of its limits."""
