"""Run a network over a volume in tiles whose answer is that of the whole."""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise, product

import torch
from torch import Tensor

Extent = tuple[int, int, int]
Span = tuple[int, int]


def tiled(
    network: Callable[[Tensor], Tensor],
    volume: Tensor,
    *,
    channels: int,
    halo: int,
    multiple: int,
    most_voxels: int,
    dtype: torch.dtype = torch.float16,
) -> Tensor:
    """`network` of the whole volume (z, y, x), computed in tiles of at most `most_voxels` where that can be.

    network:  takes (1, 1, z, y, x) and returns (1, channels, z, y, x), looks no further than `halo` around a voxel,
              and takes extents that are multiples of `multiple`, to which the volume is mirrored outwards.
    Returns:  (channels, z, y, x) of `dtype`, on the volume's device.
    """
    padded = mirror_to_multiple(volume, multiple)
    shape: Extent = (padded.shape[0], padded.shape[1], padded.shape[2])
    out = torch.empty((channels, *volume.shape), dtype=dtype, device=volume.device)
    for core, around in tiles(shape, halo=halo, multiple=multiple, most_voxels=most_voxels):
        answer = network(padded[tuple(slice(*span) for span in around)][None, None])[0]
        keep = tuple(slice(c[0] - a[0], c[1] - a[0]) for c, a in zip(core, around, strict=True))
        into = tuple(slice(c[0], min(c[1], n)) for c, n in zip(core, volume.shape, strict=True))
        kept = answer[:, keep[0], keep[1], keep[2]]
        out[(slice(None), *into)] = kept[:, : _length(into[0]), : _length(into[1]), : _length(into[2])].to(dtype)
    return out


def tiles(
    shape: Extent, *, halo: int, multiple: int, most_voxels: int
) -> Iterator[tuple[tuple[Span, ...], tuple[Span, ...]]]:
    """Cores that cover `shape`, each with the span that is computed for it: `halo` wider, but inside the shape.

    As few tiles as `most_voxels` allows; where even the smallest are larger than that, the smallest.
    """
    pieces = [n // multiple for n in shape]
    choices = product(*(range(1, min(count, 16) + 1) for count in pieces))
    cut = min(choices, key=lambda parts: _cost(shape, parts, halo, multiple, most_voxels))
    spans = [_spans(n, parts, multiple) for n, parts in zip(shape, cut, strict=True)]
    for core in product(*spans):
        around = tuple((max(0, a - halo), min(n, b + halo)) for (a, b), n in zip(core, shape, strict=True))
        yield core, around


def largest_tile(shape: Extent, *, halo: int, multiple: int, most_voxels: int) -> Extent:
    """The extents of the largest of these tiles; larger than `most_voxels` where no smaller ones are to be had."""
    z, y, x = (-(-n // multiple) * multiple for n in shape)
    extents = (
        (around[0][1] - around[0][0], around[1][1] - around[1][0], around[2][1] - around[2][0])
        for _, around in tiles((z, y, x), halo=halo, multiple=multiple, most_voxels=most_voxels)
    )
    return max(extents, key=math.prod)


def _cost(shape: Extent, parts: tuple[int, ...], halo: int, multiple: int, most_voxels: int) -> tuple[bool, int]:
    """Whether the largest tile is too large, and then: how large it is, or else how much is computed in all."""
    largest, total = 1, 1
    for n, count in zip(shape, parts, strict=True):
        widths = [min(n, b + halo) - max(0, a - halo) for a, b in _spans(n, count, multiple)]
        largest *= max(widths)
        total *= sum(widths)
    return (True, largest) if largest > most_voxels else (False, total)


def _spans(extent: int, parts: int, multiple: int) -> list[Span]:
    """`extent` in `parts` of nearly the same length, each beginning at a multiple."""
    cuts = [round(extent / multiple * i / parts) * multiple for i in range(parts + 1)]
    return [(a, b) for a, b in pairwise(cuts) if b > a]


def mirror_to_multiple(volume: Tensor, multiple: int) -> Tensor:
    """The volume with its far faces mirrored outwards until every extent is a multiple."""
    for axis in range(3):
        missing = -volume.shape[axis] % multiple
        while missing:
            step = min(missing, volume.shape[axis])
            mirrored = volume.narrow(axis, volume.shape[axis] - step, step).flip(axis)
            volume = torch.cat([volume, mirrored], dim=axis)
            missing -= step
    return volume


def _length(piece: slice) -> int:
    return int(piece.stop - piece.start)
