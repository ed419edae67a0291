"""The whole loop on one machine: a simulated microscope, a broker, the daemon and a subscriber that keeps score."""
