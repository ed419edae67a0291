"""Take particles from a feature's probability map."""
