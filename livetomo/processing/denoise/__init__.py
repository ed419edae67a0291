"""Make a volume easier to see into."""
