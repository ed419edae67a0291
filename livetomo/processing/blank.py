"""What of a volume is blank, where one value stands for nothing; what several volumes of a place all hold."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cc3d
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from livetomo.processing.normalise import thinned

_SIDE = 8
_LEAST_SHARE = 0.002
_LEAST_SATURATED_SHARE = 0.05
_LEAST_LEAP = 0.6
_MOST_SATURATED = 0.1
_MOST_REPEATED = 0.75
_GLANCES = 16
_MOST_SAMPLES = 1000
_MOST_NAMED = 3
_MOST_BLANK = 0.99


@dataclass(frozen=True, slots=True)
class Blank:
    """Which voxels are blank (bool, z, y, x), their share of the volume, and their most frequent values."""

    mask: Tensor
    share: float
    values: tuple[float, ...]

    def box(self) -> tuple[slice, slice, slice]:
        """The smallest box that holds every voxel that is not blank."""
        real = self.mask.logical_not()
        sides = []
        for axis in range(3):
            there = real.any(dim=(axis + 1) % 3, keepdim=True).any(dim=(axis + 2) % 3, keepdim=True).flatten().nonzero()
            sides.append(slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, 0))
        z, y, x = sides
        return z, y, x


def find_blank(volume: Tensor) -> Blank | None:
    """The blank regions of a volume (z, y, x) as it was read, all of it numbers; None where there are none.

    The evidence is a value that is repeated exactly over whole plates of 8 x 8 voxels, in a plane of z or of y
    (programs pad each section with its own mean, too), in a connected region of at least 0.2 % of the volume. In an
    integer volume a value is repeated often, but not over plates. A saturated region is flat, but what lies around it
    is nearly as bright; around a blank region values differ from its own as much as they do anywhere. What has the
    lowest or the highest value of all has to hold a corner of the volume, as padding does, or a twentieth of it, and
    that value must not be frequent elsewhere.
    """
    mask = torch.zeros(volume.shape, dtype=torch.bool, device=volume.device)
    for axis in (0, 1):
        _mark_(mask.movedim(axis, 0), volume.movedim(axis, 0), glance=axis == 1)
    count = int(torch.count_nonzero(mask))
    return Blank(mask, count / mask.numel(), _values(volume, mask)) if count else None


def on_grid(mask: Tensor, shape: Sequence[int]) -> Tensor:
    """The mask on another grid over the same volume, the first voxels on each other; by the nearest voxel."""
    for axis, n in enumerate(shape):
        m = mask.shape[axis]
        if n != m:
            where = (torch.arange(n, device=mask.device) * (m / n)).round_().long().clamp_(max=m - 1)
            mask = mask.index_select(axis, where)
    return mask


def _mark_(mask: Tensor, planes: Tensor, *, glance: bool) -> None:
    """Mark the blank regions of plates in planes. glance: look at a few planes, and at all where a plate is flat."""
    if glance:
        low, high = _extremes(planes[:: max(1, len(planes) // _GLANCES)])
        if not bool((low == high).any()):
            return
    low, high = _extremes(planes)
    flat = low == high
    if not bool(flat.any()):
        return
    labels, count = cc3d.connected_components(flat.cpu().numpy(), connectivity=26, binary_image=True, return_N=True)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    corners = set(
        labels[:: max(1, len(labels) - 1), :: max(1, labels.shape[1] - 1), :: max(1, labels.shape[2] - 1)].flat
    )
    elsewhere = _sample(planes, _around(low, flat)[0].isnan())[0]
    if len(elsewhere) and float((elsewhere[:, 1:] == elsewhere[:, :-1]).float().mean()) > _MOST_REPEATED:
        return  # neighbours have the same value anywhere: a smooth volume of very few levels
    ends = float(low.min()), float(high.max())
    regions = torch.from_numpy(labels.astype(np.int32)).to(planes.device)
    kept = torch.zeros_like(flat)
    by_chance = False
    for label in (1 + np.flatnonzero(sizes[1:] >= _LEAST_SHARE * flat.numel())).tolist():
        region = regions == label
        own = float(low[region].median())
        having = (elsewhere == own).float()
        if own in ends:
            inside = label not in corners and sizes[label] < _LEAST_SATURATED_SHARE * flat.numel()
            if inside or (len(having) and float(having.mean()) > _MOST_SATURATED):
                continue
        if _leap(planes, low, flat, region) > _LEAST_LEAP:
            kept |= region
            # Of most plates: some of the others may hold a region's thin end.
            by_chance |= len(having) > 0 and float(having.mean(1).median()) > 0
    if not bool(kept.any()):
        return
    # What belongs to a region and fills no plate has its value; where that is frequent anyhow, only beside its plates.
    values = _around(low, kept) if by_chance else _of_planes(low, kept)
    for plane, marks, below, above in zip(planes, mask, *values, strict=True):
        alike = (plane == _spread(below, plane.shape)) | (plane == _spread(above, plane.shape))
        marks |= _without_specks(alike) if by_chance else alike


def _extremes(planes: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest and the highest value of each plate; those at the far edges are made full by repetition."""
    low, high = [], []
    for plane in planes:
        plates = _plates(plane)
        low.append(plates.amin((1, 3)))
        high.append(plates.amax((1, 3)))
    return torch.stack(low), torch.stack(high)


def _plates(plane: Tensor) -> Tensor:
    """A plane as (rows of plates, 8, plates, 8)."""
    height, width = plane.shape
    if height % _SIDE or width % _SIDE:
        sides = (0, -width % _SIDE, 0, -height % _SIDE)
        plane = functional.pad(plane[None], sides, mode="replicate")[0]
    height, width = plane.shape
    return plane.reshape(height // _SIDE, _SIDE, width // _SIDE, _SIDE)


def _leap(planes: Tensor, low: Tensor, flat: Tensor, region: Tensor) -> float:
    """How much the values around a region of plates differ from its own, over how much values do anywhere."""
    below, above = _around(low, region)
    around = below.isfinite() & ~flat
    own = low[region].median()
    anywhere = (_sample(planes, ~flat)[0] - own).abs_()
    values, places = _sample(planes, around)
    leaps = []
    for value, place in zip(values, places, strict=True):
        near, far = below[tuple(place)], above[tuple(place)]
        leaps.append((value - near).abs_()[(value != near) & (value != far)])
    if not leaps or not len(beside := torch.cat(leaps)):
        return math.inf  # there is nothing but other blank regions around it
    return float(beside.median()) / max(float(anywhere.median()), 1e-30)


def _sample(planes: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """The voxels of some of the chosen plates, (plates, 64), and the plates' places."""
    places = thinned(chosen.nonzero(), _MOST_SAMPLES)
    corners = [(z, y * _SIDE, x * _SIDE) for z, y, x in places.tolist()]
    plates = [_plates(planes[z, y : y + _SIDE, x : x + _SIDE]).flatten() for z, y, x in corners]
    return torch.stack(plates) if plates else planes.new_zeros((0, _SIDE**2)), places


def _around(low: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """The lowest and the highest value of the kept plates that each plate is or touches in its plane; NaN for none."""
    lowest, highest = (_highest(torch.where(kept, sign * low, -torch.inf)) * sign for sign in (-1, 1))
    lowest, highest = (torch.where(value.isinf(), torch.nan, value) for value in (lowest, highest))
    return lowest, highest


def _of_planes(low: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
    """As `_around`, of the plates anywhere in the plane."""
    ends = [torch.where(kept, sign * low, -torch.inf).amax((1, 2), keepdim=True) * sign for sign in (-1, 1)]
    lowest, highest = (torch.where(end.isinf(), torch.nan, end).expand_as(low) for end in ends)
    return lowest, highest


def _highest(values: Tensor) -> Tensor:
    return functional.max_pool2d(values[:, None], 3, stride=1, padding=1)[:, 0]


def _spread(plates: Tensor, shape: torch.Size) -> Tensor:
    wide = plates.repeat_interleave(_SIDE, 0).repeat_interleave(_SIDE, 1)
    return wide[: shape[0], : shape[1]]


def _without_specks(marks: Tensor) -> Tensor:
    """What squares of 2 x 2 voxels cover: in an integer volume single voxels have a blank region's value by chance."""
    if min(marks.shape) < 2:
        return marks
    squares = marks[:-1, :-1] & marks[1:, :-1] & marks[:-1, 1:] & marks[1:, 1:]
    kept = torch.zeros_like(marks)
    height, width = squares.shape
    for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
        kept[y : y + height, x : x + width] |= squares
    return kept


def _values(volume: Tensor, mask: Tensor) -> tuple[float, ...]:
    """The most frequent values of the blank voxels, of many that are evenly chosen."""
    blank = torch.cat([thinned(plane[marks], 10_000) for plane, marks in zip(volume, mask, strict=True)])
    values, counts = torch.unique(blank, return_counts=True)
    named: list[float] = values[counts.argsort(descending=True)[:_MOST_NAMED]].tolist()
    return tuple(named)


def common_real(volumes: Sequence[Tensor]) -> list[Tensor]:
    """The volumes (z, y, x), cut to the box that is not blank in any; what is left of blank parts is each one's mean.

    Halves with the same padding would agree in that, and in its edges. They come back as they are where nothing is
    blank, or nearly everything. Values that are not numbers stay, but for those of blank parts.
    """
    if len({volume.shape for volume in volumes}) > 1:
        return list(volumes)
    found = [find_blank(torch.where(volume.isfinite(), volume, 0.0)) for volume in volumes]
    masks = [blank.mask for blank in found if blank is not None]
    if not masks:
        return list(volumes)
    mask = torch.stack(masks).any(0)
    share = float(mask.float().mean())
    if share > _MOST_BLANK:
        return list(volumes)
    box = Blank(mask, share, ()).box()
    inside = mask[box]
    return [_filled(volume[box], inside) for volume in volumes]


def _filled(volume: Tensor, blank: Tensor) -> Tensor:
    real = volume[~blank]
    return volume.masked_fill(blank, float(real[real.isfinite()].mean())).contiguous()
