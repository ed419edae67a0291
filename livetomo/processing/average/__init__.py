"""A look at what was picked: the average of aligned particles, in two halves."""
