"""What leaves the daemon: messages for the broker and metrics for Prometheus."""
