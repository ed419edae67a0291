"""Tools for those who work on livetomo."""
