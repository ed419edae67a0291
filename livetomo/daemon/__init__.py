"""Wires the rooms: the running daemon and its parts."""
