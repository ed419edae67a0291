"""How much structure the slab holds, and how fine: its power spectrum against that of what lies beside it."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from livetomo.processing.measure.slab import Slab, from_middle

_SIDES = (64, 32)
_MOST_TILES = 192
_LEAST_TILES = 12
_WITHIN_ANGSTROM = 50.0
_BEYOND_ANGSTROM = 150.0
_EXCESS = 0.1
_BAND_ANGSTROM = (300.0, 100.0)


@dataclass(frozen=True, slots=True)
class Spectrum:
    """By how much the power in the slab exceeds that beside it, over that, by spatial frequency (1/Å); float64."""

    frequency: Tensor
    excess: Tensor

    def contrast(self) -> float | None:
        """The mean excess of 300-100 Å; None where the voxels are too coarse for it."""
        coarse, fine = (1 / angstrom for angstrom in _BAND_ANGSTROM)
        band = (self.frequency >= coarse) & (self.frequency <= fine)
        return float(self.excess[band].mean()) if bool(band.any()) else None

    def sharpness_angstrom(self) -> float | None:
        """Where the excess, from 300 Å on, first falls below a tenth for two shells; None where it is below at once.

        Two: the CTF's zeros are narrow. The last shell's where it never falls.
        """
        start = int((self.frequency < 1 / _BAND_ANGSTROM[0]).sum())
        above = (self.excess[start:] >= _EXCESS).tolist()
        for at, pair in enumerate(pairwise(above)):
            if not any(pair):
                return 1 / float(self.frequency[start + at - 1]) if at else None
        return 1 / float(self.frequency[-1]) if above else None


def spectrum(volume: Tensor, slab: Slab, *, voxel_size_angstrom: float, blank: Tensor | None = None) -> Spectrum | None:
    """Of square tiles of x-y planes of `volume` (z, y, x), not denoised; None where nothing lies beside the slab.

    blank: bool, voxels that hold nothing; tiles that hold such are left out.

    Back-projection spreads the views' noise evenly over the volume: what the slab has more of is structure.
    """
    for side in _SIDES:
        if side > min(volume.shape[1:]):
            continue
        chosen = _tiles(volume.shape, slab, side, voxel_size_angstrom, blank)
        if min(len(places) for places in chosen) >= _LEAST_TILES:
            inside, beside = (_shells(volume, places, side) for places in chosen)
            frequency = torch.arange(1, side // 2 + 1, dtype=torch.float64) / (side * voxel_size_angstrom)
            return Spectrum(frequency, inside / beside.clamp(min=1e-30) - 1)
    return None


def _tiles(
    shape: torch.Size, slab: Slab, side: int, voxel_size_angstrom: float, blank: Tensor | None
) -> tuple[Tensor, Tensor]:
    """First corners (n, 3: z, y, x) of tiles that lie wholly in the slab, and of those wholly beside it."""
    z, y, x = (from_middle(n, voxel_size_angstrom) for n in shape)
    rows, columns = (torch.arange(0, n - side + 1, side) for n in shape[1:])
    height = slab.height(y[rows + side // 2][:, None], x[columns + side // 2])
    off = (z[:, None, None] - height).abs()
    spread = side / 2 * voxel_size_angstrom * (abs(slab.slope_y) + abs(slab.slope_x))
    inside = off <= slab.half_depth_angstrom - spread - _WITHIN_ANGSTROM
    beside = off >= slab.half_depth_angstrom + spread + _BEYOND_ANGSTROM
    if blank is not None:
        whole = (functional.max_pool2d(blank.float(), side) == 0).cpu()
        inside, beside = inside & whole, beside & whole
    corners = []
    for chosen in (inside, beside):
        places = chosen.nonzero()
        places = places[torch.linspace(0, len(places) - 1, min(_MOST_TILES, len(places))).round().long()]
        corners.append(places * torch.tensor([1, side, side]))
    return corners[0], corners[1]


def _shells(volume: Tensor, corners: Tensor, side: int) -> Tensor:
    """The tiles' power, summed over rings one coefficient wide, without the zeroth; float64 (side // 2)."""
    tiles = torch.stack([volume[z, y : y + side, x : x + side] for z, y, x in corners.tolist()])
    window = torch.hann_window(side, periodic=False, device=tiles.device)
    tiles = (tiles - tiles.mean((1, 2), keepdim=True)) * (window[:, None] * window)
    power = torch.view_as_real(torch.fft.rfft2(tiles)).square().sum(3).mean(0).double().cpu()
    radius = torch.hypot(torch.fft.fftfreq(side, 1 / side)[:, None], torch.fft.rfftfreq(side, 1 / side))
    ring = radius.round().long().clamp_(max=side // 2 + 1).flatten()
    return torch.bincount(ring, power.flatten(), minlength=side // 2 + 2)[1 : side // 2 + 1]
