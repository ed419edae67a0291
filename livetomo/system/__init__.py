"""The operating system: files, mounts, processes, sockets, logs."""
