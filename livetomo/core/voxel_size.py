"""Which voxel sizes there can be: the bounds of every key, option, request and header that has one."""

import math

LOWEST_ANGSTROM = 0.1
HIGHEST_ANGSTROM = 1000.0
WANTED = f"a number of Å from {LOWEST_ANGSTROM:g} to {HIGHEST_ANGSTROM:,.0f}"


def is_possible(angstrom: float) -> bool:
    """Whether a voxel of a tomogram can be of this size; 0, which many headers hold, is none."""
    return math.isfinite(angstrom) and LOWEST_ANGSTROM <= angstrom <= HIGHEST_ANGSTROM


def possible(angstrom: float) -> float:
    """The size as it is.

    Raises:
        ValueError: no voxel is of this size; it says what to write.
    """
    if not is_possible(angstrom):
        raise ValueError(f"write {WANTED}")
    return angstrom
