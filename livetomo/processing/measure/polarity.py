"""Whether matter is dark or bright, by the skew of a volume's values: matter is here and there, ice is everywhere."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from livetomo.core.quality.metric import Quality, Verdict
from livetomo.processing.measure.slab import Slab, from_middle, less_surroundings_

_SCALES_ANGSTROM = (60.0, 110.0)
_SURROUNDINGS_ANGSTROM = 600.0
_MARGIN = 0.08
_LEAST_BOXES = 1000
_TAILS = (0.002, 0.998)
_LEAST_SKEW = 0.3
_LEAST_TAILS = 0.08
_STANDARD_ERRORS = 3.0


@dataclass(frozen=True, slots=True)
class Skew:
    """At one scale: the skewness, the tails' difference over their sum, and of how many boxes."""

    skewness: float
    tails: float
    boxes: int

    @property
    def standard_errors(self) -> float:
        """How many of them the skewness is: sqrt(6/n) of n normally distributed values."""
        return self.skewness / math.sqrt(6 / self.boxes)


def density_skew(found: Sequence[Skew]) -> Quality:
    """The figure, from fine to coarse scales: bad where matter is light, so that the volume has the other polarity."""
    name = "density_skew"
    if not found:
        return Quality(name, None, "", "missing", "the volume is too small to show whether matter is dark or bright")
    verdict: Verdict = "unjudged"
    reason = ""
    match sign(found):
        case 1:
            verdict = "good"
        case -1:
            verdict = "bad"
            reason = "compact, rare things in the volume are light, not dense: it seems to have the other polarity"
    return Quality(name, found[-1].skewness, "", verdict, reason)


def sign(found: Sequence[Skew]) -> int:
    """1: what is rare is dense; -1: what is rare is light; 0: neither is clear.

    Every scale has to say the same beyond chance, and one of them loudly, in its tails too.
    """
    for way in (1, -1) if found else ():
        agreed = all(way * skew.standard_errors > _STANDARD_ERRORS for skew in found)
        loud = any(way * skew.skewness > _LEAST_SKEW and way * skew.tails > _LEAST_TAILS for skew in found)
        if agreed and loud:
            return way
    return 0


def skews(volume: Tensor, *, voxel_size_angstrom: float, slab: Slab | None, blank: Tensor | None) -> list[Skew]:
    """Of the means of boxes of 60 and of 110 Å, less their surroundings; in the slab where one is seen.

    volume: (z, y, x), normalised and clipped. Scales for which it is too small are left out.
    """
    found = []
    for scale in _SCALES_ANGSTROM:
        side = max(1, round(scale / voxel_size_angstrom))
        _, height, width = volume.shape
        y, x = (round(n * _MARGIN) for n in (height, width))
        inside = (slice(None), slice(y, height - y), slice(x, width - x))
        if min(volume[inside].shape) < 2 * side:
            continue
        boxes = _pooled(volume[inside], side)
        known = torch.ones_like(boxes, dtype=torch.bool)
        if blank is not None:
            known = _pooled(blank[inside].float(), side) == 0
        if slab is not None:
            inner = _within(slab, boxes.shape, side * voxel_size_angstrom, volume.shape[0] * voxel_size_angstrom)
            known &= inner.to(known.device)
        wide = _SURROUNDINGS_ANGSTROM / (side * voxel_size_angstrom)
        values = less_surroundings_(boxes, wide)[known] if min(boxes.shape[1:]) > 2 else boxes[known]
        if len(values) >= _LEAST_BOXES:
            found.append(_skew(values))
    return found


def _skew(values: Tensor) -> Skew:
    values = values - values.mean()
    deviation = values.std(correction=0).clamp(min=1e-30)
    skewness = float((values / deviation).pow(3).mean())
    ordered = values.sort().values
    low, middle, high = (
        float(ordered[min(len(values) - 1, int(q * len(values)))]) for q in (_TAILS[0], 0.5, _TAILS[1])
    )
    spread = high - low
    return Skew(skewness, (high + low - 2 * middle) / spread if spread > 0 else 0.0, len(values))


def _pooled(volume: Tensor, side: int) -> Tensor:
    """Means of boxes, a few sections at a time."""
    depth = len(volume) // side * side
    parts = torch.split(volume[:depth], 8 * side)
    return torch.cat([functional.avg_pool3d(part[None], side)[0] for part in parts])


def _within(slab: Slab, shape: torch.Size, box_angstrom: float, depth_angstrom: float) -> Tensor:
    z = (torch.arange(shape[0]) + 0.5) * box_angstrom - depth_angstrom / 2
    y, x = (from_middle(n, box_angstrom) for n in shape[1:])
    return (z[:, None, None] - slab.height(y[:, None], x)).abs() <= slab.half_depth_angstrom
