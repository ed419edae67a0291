"""Point groups of particles, by the names that the field has for them."""

import re

_NAME = re.compile(r"(?:[CD][1-9]\d?|T|O|I)", re.ASCII)
WANTED = 'a point group like "C1", "C7", "D2", "T", "O" or "I"'


def point_group(name: str) -> str:
    """The name as livetomo writes it.

    Raises:
        ValueError: there is no such point group of rotations; it says what to write.
    """
    written = name.strip().upper()
    if written in ("I1", "I2", "I3", "I4"):
        raise ValueError('write "I": the axes of "I1" to "I4" are found in the map')
    if not _NAME.fullmatch(written):
        raise ValueError(f"write {WANTED}")
    return written
