"""Plug-ins of a facility for livetomo: one of each kind."""
