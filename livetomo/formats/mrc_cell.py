"""The voxel size in an MRC header, as its writer meant it: cell and sampling are not always what they say."""

import math
from collections.abc import Iterator

from livetomo.core.voxel_size import is_possible

Sizes = tuple[float, float, float]

OF_THE_EXTENTS = "times the volume's extents"
_SAME = 0.01


def voxel_sizes(cell: Sizes, sampling: tuple[int, int, int], extents: tuple[int, int, int]) -> tuple[Sizes, str]:
    """Å along x, y and z, 0 where the header has none; and how it was read, where that is not as the standard says.

    The standard has the cell's length divided by its sampling (mx, my, mz). Some writers leave the sampling at 0 or 1,
    and write the length of the volume or that of one voxel; others keep the sampling of a volume that this one was cut
    from. What gives the same possible size along every axis is meant.

    cell: Å along x, y, z. sampling: mx, my, mz. extents: voxels along x, y, z.
    """
    lengths = [length if math.isfinite(length) and length > 0 else 0.0 for length in cell]
    declared = _sizes(lengths, sampling)
    if min(sampling) > 1 and _agree(declared):
        return declared, _may_be_binned(lengths, sampling, extents)
    for sizes, note in _readings(lengths, sampling, extents):
        if _agree(sizes) and is_possible(sizes[0]):
            return sizes, note
    return declared, ""


def _readings(
    lengths: list[float], sampling: tuple[int, int, int], extents: tuple[int, int, int]
) -> Iterator[tuple[Sizes, str]]:
    """What may be meant, the likeliest first."""
    whole, one = _sizes(lengths, extents), _sizes(lengths, (1, 1, 1))
    said = ", ".join(map(str, sampling))
    as_whole = f"mx, my and mz are {said}; the cell is the whole volume's"
    as_one = f"mx, my and mz are {said}; the cell is one voxel's"
    if max(sampling) <= 1 and whole[0] <= 1:
        # In a cubic volume both readings agree along the axes. Voxels of less than 1 Å are no tomogram's.
        yield one, as_one
    if max(sampling) > 1 and min(sampling) <= 1:
        fit = [n if m <= 1 else m for m, n in zip(sampling, extents, strict=True)]
        yield _sizes(lengths, (fit[0], fit[1], fit[2])), as_whole
        yield _sizes(lengths, (max(1, sampling[0]), max(1, sampling[1]), max(1, sampling[2]))), ""
    yield whole, as_whole
    if max(sampling) <= 1:
        yield one, as_one


def _sizes(lengths: list[float], counts: tuple[int, int, int]) -> Sizes:
    x, y, z = (length / count if count > 0 else 0.0 for length, count in zip(lengths, counts, strict=True))
    return (x, y, z) if all(map(math.isfinite, (x, y, z))) else (0.0, 0.0, 0.0)


def _agree(sizes: Sizes) -> bool:
    return 0 < max(sizes) <= min(sizes) * (1 + _SAME)


def _may_be_binned(lengths: list[float], sampling: tuple[int, int, int], extents: tuple[int, int, int]) -> str:
    """What else the cell may mean, where its sampling is a multiple of the volume: cut out of another, or binned."""
    times = sampling[0] / extents[0]
    whole = _sizes(lengths, extents)
    if times < 2 or any(count != times * extent for count, extent in zip(sampling, extents, strict=True)):
        return ""
    return f"mx, my and mz are {times:g} {OF_THE_EXTENTS}: if the volume was binned, its voxels are of {whole[0]:g} Å"
