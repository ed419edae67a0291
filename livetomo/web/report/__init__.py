"""A session as one file that is kept with its data."""
