"""The page, the HTTP API, the metrics and the probes: reading for whoever may, changes for who holds the key."""
