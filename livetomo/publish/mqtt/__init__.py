"""The broker: connection, publishing, what it retains."""
