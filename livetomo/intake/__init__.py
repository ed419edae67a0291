"""From a file system to tomograms: everything that touches a watched tree, in a small process of its own."""
