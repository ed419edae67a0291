"""Picks of results that exist are kept or left out by rules: nothing is computed anew, no result folder is known."""
