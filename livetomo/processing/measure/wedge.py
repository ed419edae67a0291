"""Which tilts a volume was made of, as its Fourier transform shows them: the angles that are filled."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

_MOST_SLICES = 24
_MOST_SIDE = 256
_STEP_DEGREES = 2.0
_RINGS = [0.025 * ring for ring in range(4, 19)]
_LEAST_SIDE = 48
_FILLED = 0.15
_EMPTY = 0.08


@dataclass(frozen=True, slots=True)
class Wedge:
    """From `low` to `high` the angles are filled, in the plane of z and `axis`, which lies across the tilt axis."""

    low_degrees: float
    high_degrees: float
    axis: str

    @property
    def range_degrees(self) -> float:
        """How much is filled."""
        return self.high_degrees - self.low_degrees


def find_wedge(volume: Tensor) -> Wedge | None:
    """The filled wedge of `volume` (z, y, x), not denoised; None where no angle is empty, or the volume is too small.

    By the projection theorem a view at angle t fills the plane kz = kx tan(t): beyond the steepest one nothing is.
    """
    if min(volume.shape) < _LEAST_SIDE:
        return None
    across = {"x": angular_power(volume, 1), "y": angular_power(volume, 2)}
    # Seen along the other axis there is less power at steep angles too, but never none.
    axis, profile = min(across.items(), key=lambda item: _steep(item[1]))
    if _steep(profile) > _EMPTY:
        return None
    filled = (profile >= _FILLED * _usual(profile)).tolist()
    level = len(filled) // 2
    low = next((at for at in range(level, -1, -1) if not any(filled[max(at - 1, 0) : at + 1])), -1) + 1
    high = next((at for at in range(level, len(filled)) if not any(filled[at : at + 2])), len(filled))
    # The bins at both ends are filled in part.
    return Wedge((low - level + 0.5) * _STEP_DEGREES, (high - level - 0.5) * _STEP_DEGREES, axis)


def angular_power(volume: Tensor, axis: int) -> Tensor:
    """Mean power by the angle to the x-y plane, from -90° in steps of 2°, over slices at right angles to `axis`.

    Each ring of spatial frequencies counts alike, whatever its power; float64.
    """
    length = volume.shape[axis]
    at = torch.linspace(length // 8, length - 1 - length // 8, min(_MOST_SLICES, length)).round().long()
    slices = volume.index_select(axis, at.to(volume.device)).movedim(axis, 0)
    depth, side = (min(_MOST_SIDE, n) for n in slices.shape[1:])
    z, x = ((n - kept) // 2 for n, kept in zip(slices.shape[1:], (depth, side), strict=True))
    slices = slices[:, z : z + depth, x : x + side]
    window = torch.hann_window(depth, periodic=False)[:, None] * torch.hann_window(side, periodic=False)
    slices = (slices - slices.mean((1, 2), keepdim=True)) * window.to(slices)
    power = torch.view_as_real(torch.fft.rfft2(slices)).square().sum(3).mean(0).double().cpu()
    kz, kx = torch.fft.fftfreq(depth)[:, None], torch.fft.rfftfreq(side)
    bins = round(180 / _STEP_DEGREES)
    angle = ((torch.rad2deg(torch.atan2(kz, kx)) + 90) / _STEP_DEGREES).long().clamp_(0, bins - 1)
    radius = torch.hypot(kz, kx)
    profile, weight = torch.zeros(bins).double(), torch.zeros(bins).double()
    for inner, outer in pairwise(_RINGS):
        # What is even along x or y (kx = 0) is seen by every view.
        here = (radius >= inner) & (radius < outer) & (kx > 0)
        count = torch.bincount(angle[here], minlength=bins).double()
        mean = torch.bincount(angle[here], power[here], minlength=bins) / count.clamp(min=1)
        usual = float(mean[count > 0].median())
        if usual > 0:
            profile += mean / usual * count
            weight += count
    return profile / weight.clamp(min=1)


def _usual(profile: Tensor) -> float:
    """Of the angles up to 45°."""
    quarter = len(profile) // 4
    return float(profile[quarter:-quarter].median())


def _steep(profile: Tensor) -> float:
    """The power beyond 76°, over the usual."""
    return float(torch.cat([profile[:7], profile[-7:]]).mean()) / max(_usual(profile), 1e-30)
