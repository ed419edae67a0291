"""The page, the HTTP API, the metrics and the probes: reading for all who may, changes for those who hold the token."""
