"""Pick connected regions of a probability map, touching ones separated: for maps that fill whole particles."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cc3d
import edt
import numpy as np
import numpy.typing as npt
from skimage.segmentation import watershed

from livetomo.core.picks import Picks
from livetomo.processing.pick.maxima import spaced

Map = npt.NDArray[np.number]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Region:
    """One particle: its place (voxels z, y, x), its weight (the sum of its probabilities), size (voxels) and score."""

    place: npt.NDArray[np.float64]
    weight: float
    size: int
    score: float


def regions(
    probability: Map,
    *,
    threshold: float,
    candidate_threshold: float,
    least_voxels: float = 0.0,
    spacing_voxels: float = 0.0,
    edge_voxels: float = 0.0,
    full_scale: float = 1.0,
    split: bool = True,
    place: Literal["centroid", "deepest"] = "centroid",
) -> Picks:
    """One pick for each region above `threshold` and, weaker, above `candidate_threshold`; strongest first.

    probability: (z, y, x), any type, `full_scale` meaning 1. A region is 6-connected and exceeds the threshold
    everywhere. With `split` it is cut by a watershed on the distance from its surface, one basin for each of its
    deepest points that is not within `spacing_voxels` of a deeper one. Basins smaller than `least_voxels` go. Of two
    particles that are closer than the spacing the heavier stays, its weight being the sum of its probabilities: the
    rule of the paper (Last et al. 2024, eLife 13:RP98552), which its program did not follow.

    The score is the probability that `least_voxels` of the particle reach: it is published at just those thresholds at
    which it is still large enough. Candidates are the regions above the lower threshold that hold nothing above the
    higher one. `volume` is in voxels.
    """
    least = max(1, math.ceil(least_voxels))
    apart = spacing_voxels if split else math.inf
    high, low = threshold * full_scale, candidate_threshold * full_scale
    found = list(_above(probability, high, math.inf, least, apart, place))
    if low < high:
        found += _above(probability, low, high, least, apart, place)
    if not found:
        return Picks.none()
    position = np.array([region.place for region in found])
    weight = np.array([region.weight for region in found])
    kept = spaced(position, weight, spacing_voxels)
    limits = np.asarray(probability.shape) - 1 - edge_voxels
    kept = kept[((position[kept] >= edge_voxels) & (position[kept] <= limits)).all(axis=1)]
    score = np.array([region.score for region in found]) / full_scale
    kept = kept[np.lexsort((-weight[kept], -score[kept]))]
    size = np.array([region.size for region in found], np.float32)
    return Picks(position[kept].astype(np.float32), score[kept].astype(np.float32), size[kept])


def _above(
    probability: Map, level: float, nothing_above: float, least: int, apart: float, place: str
) -> Iterator[_Region]:
    """The particles among the connected regions above `level` that hold nothing above the other one.

    Only what is large enough is looked at, each region in its own box: distances of the whole volume are most of the
    time, and nearly all of the memory, of the plain way.
    """
    mask: Mask = probability > level
    labels = cc3d.connected_components(mask, connectivity=6, binary_image=True)
    statistics = cc3d.statistics(labels, no_slice_conversion=True)
    (large,) = np.nonzero(np.asarray(statistics["voxel_counts"]) >= least)
    boxes = np.asarray(statistics["bounding_boxes"])
    for label in large[large > 0]:
        box = _box(boxes[label], labels.shape)
        inside = labels[box] == label
        values = probability[box]
        if nothing_above < math.inf and values[inside].max() > nothing_above:
            continue
        corner = np.array([side.start for side in box], np.float64)
        yield from _particles(values, inside, corner, least, apart, place)


def _box(bounds: npt.NDArray[np.integer], shape: tuple[int, ...]) -> tuple[slice, ...]:
    """A region's bounding box (first and last voxel along each axis) with a voxel of background around it."""
    return tuple(
        slice(max(0, int(bounds[2 * axis]) - 1), min(shape[axis], int(bounds[2 * axis + 1]) + 2)) for axis in range(3)
    )


def _particles(
    values: Map, inside: Mask, corner: npt.NDArray[np.float64], least: int, apart: float, place: str
) -> Iterator[_Region]:
    """The particles of one connected region."""
    summits = np.zeros((0, 3), np.intp)
    basins = inside.astype(np.int32)
    if place == "deepest" or apart < math.inf:
        depth: npt.NDArray[np.float32] = edt.edt(inside)
        summits = _summits(depth, inside, apart)
        if len(summits) > 1:
            basins[:] = 0
            basins[tuple(summits.T)] = np.arange(1, len(summits) + 1)
            basins = watershed(-depth, basins, mask=inside)  # type: ignore[no-untyped-call]
    weights = values[inside].astype(np.float64)
    where = np.argwhere(inside)
    member = basins[inside] - 1
    for number in range(int(member.max()) + 1):
        mine = member == number
        size = int(np.count_nonzero(mine))
        if size < least:
            continue
        own = weights[mine]
        middle = summits[number] if place == "deepest" else own @ where[mine] / own.sum()
        yield _Region(corner + middle, float(own.sum()), size, float(np.partition(own, size - least)[size - least]))


def _summits(depth: npt.NDArray[np.float32], inside: Mask, spacing: float) -> npt.NDArray[np.intp]:
    """The deepest points of a region, none within `spacing` of a deeper one; one where the spacing has no bound."""
    if spacing == math.inf:
        return np.array([np.unravel_index(int(depth.argmax()), depth.shape)], np.intp)
    highest = depth.copy()
    for axis in range(3):
        highest = _widest(highest, axis)
    places = np.argwhere(inside & (depth == highest))
    return places[spaced(places.astype(np.float64), depth[tuple(places.T)], spacing)]


def _widest(values: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.float32]:
    """Each value, or its larger neighbour along `axis`."""
    out = values.copy()
    low, high = [slice(None)] * 3, [slice(None)] * 3
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    np.maximum(out[tuple(low)], values[tuple(high)], out=out[tuple(low)])
    np.maximum(out[tuple(high)], values[tuple(low)], out=out[tuple(high)])
    return out
