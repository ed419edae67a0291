"""Where the specimen lies in a volume: the two faces of a slab, its thickness and its tilt."""

import math
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

_POOLED_ANGSTROM = (25.0, 48.0)
_MOST_PLANES = 128
_FEWEST = 8
_COARSEST_ANGSTROM = 600.0
_CELLS = (6, 12)
_MARGIN = 0.08
_STEEPEST_DEGREES = 24.0
_SLOPES = 5
_FINEST_SLOPE = 0.004
_RAMPS_ANGSTROM = (0, 50, 100, 150, 200, 250, 300, 400)
_NEAR_PLANES = 5.0
_LEAST_KNOWN = 0.5


@dataclass(frozen=True, slots=True)
class Energy:
    """How much structure there is where: float32 (z, y, x), logarithms, and the extents of one cell, in Å.

    known: bool, of the same shape: the cells that are not blank; None: all.
    """

    cells: Tensor
    spacing_angstrom: tuple[float, float, float]
    known: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Slab:
    """Between two parallel faces, each at z = middle ± half the depth + slope_y * y + slope_x * x from the centre.

    thickness_angstrom: across it, between where half of the structure sets in at either face.
    middle_angstrom: along z, from the volume's middle.
    step: how much more structure there is in it than beside it: the difference of the logarithms of the energy.
    explained: the share of the profile's variance that the slab explains, 0-1.
    agreement: 1 less the difference of the thicknesses that two halves of the columns give, over the thickness; 0-1.
    seen: whether the lower and the upper face lie within the volume.
    """

    thickness_angstrom: float
    middle_angstrom: float
    slope_y: float
    slope_x: float
    step: float
    explained: float
    agreement: float
    seen: tuple[bool, bool]

    @property
    def slope(self) -> float:
        """The tangent of its tilt."""
        return math.hypot(self.slope_y, self.slope_x)

    def height(self, y_angstrom: Tensor, x_angstrom: Tensor) -> Tensor:
        """Of its middle above the volume's, in Å, at places from the volume's middle."""
        return self.middle_angstrom + self.slope_y * y_angstrom + self.slope_x * x_angstrom

    @property
    def half_depth_angstrom(self) -> float:
        """From its middle to a face, along z."""
        return self.thickness_angstrom / 2 * math.hypot(1, self.slope)


def energy(volume: Tensor, *, voxel_size_angstrom: float, blank: Tensor | None = None) -> Energy:
    """The mean square, cell by cell, of what is some 100-600 Å in size in a volume (z, y, x), normalised and clipped.

    In logarithms, so that a bright corner does not pass for a slab.

    blank: bool, voxels that hold nothing; a cell is known by the others, where they are half of it.
    """
    along, across = (max(1, round(size / voxel_size_angstrom)) for size in _POOLED_ANGSTROM)
    along = min(max(along, math.ceil(len(volume) / _MOST_PLANES)), max(1, len(volume) // _FEWEST))
    across = min(across, max(1, min(volume.shape[1:]) // _FEWEST))
    wide = across * voxel_size_angstrom
    pooled = _pooled(volume, along, across)
    power = less_surroundings_(pooled, _COARSEST_ANGSTROM / wide).square_()
    known = None
    if blank is None:
        cells = _in_cells(power, _CELLS[1])
    else:
        whole = (_pooled(blank.float(), along, across) == 0).float()
        share = _in_cells(whole, _CELLS[1])
        cells = _in_cells(power.mul_(whole), _CELLS[1]) / share.clamp(min=1e-6)
        known = (share >= _LEAST_KNOWN).cpu()
    spacing = [wide * n / c for n, c in zip(power.shape[1:], cells.shape[1:], strict=True)]
    return Energy(cells.clamp_(min=1e-12).log_().cpu(), (along * voxel_size_angstrom, spacing[0], spacing[1]), known)


def find_slab(grid: Energy) -> Slab | None:
    """The slab that explains most of the energy's variance, or None where there is no more of it anywhere.

    For each slope the cells' profiles along z are brought to one height and averaged, and a box is fitted by least
    squares; then, for the best slope, a trapezoid, whose half height is the face: a slope would otherwise pass for
    thickness, and what blurs a face moves neither. The noise of a reconstruction is as strong beside the slab as in it.
    """
    coarse = _coarser(grid, _CELLS[0])
    step = math.tan(math.radians(_STEEPEST_DEGREES)) / _SLOPES
    slope = _steepest(coarse, (0.0, 0.0), step, _SLOPES)
    while step > _FINEST_SLOPE:
        step /= 2.5
        slope = _steepest(grid, slope, step, 2)
    whole = _trapezoid(grid, slope)
    if whole is None:
        return None
    halves = [_trapezoid(grid, slope, parity) for parity in (0, 1)]
    depths = [0.0 if half is None else half.high - half.low for half in halves]
    depth, cosine = whole.high - whole.low, math.cos(math.atan(math.hypot(*slope)))
    return Slab(
        thickness_angstrom=depth * cosine * grid.spacing_angstrom[0],
        middle_angstrom=((whole.low + whole.high - (len(grid.cells) - 1)) / 2) * grid.spacing_angstrom[0],
        slope_y=slope[0],
        slope_x=slope[1],
        step=whole.step,
        explained=whole.explained,
        agreement=max(0.0, 1 - abs(depths[0] - depths[1]) / depth),
        seen=whole.seen,
    )


def _pooled(volume: Tensor, along: int, across: int) -> Tensor:
    """Means of boxes of voxels, without the outermost of each plane; a few planes at a time."""
    depth, height, width = volume.shape
    y, x = (round(n * _MARGIN) for n in (height, width))
    middle = volume[: depth // along * along, y : height - y, x : width - x]
    parts = torch.split(middle, 8 * along)
    return torch.cat([functional.avg_pool3d(part[None], (along, across, across))[0] for part in parts])


def less_surroundings_(planes: Tensor, width: float) -> Tensor:
    """Each voxel less the mean of the square of this width around it in its plane, in place."""
    reach = min(max(1, round(width / 2)), min(planes.shape[1:]) - 1)
    for part in torch.split(planes, 16):
        rows = functional.avg_pool2d(functional.pad(part[None], (0, 0, reach, reach), "reflect"), (2 * reach + 1, 1), 1)
        both = functional.avg_pool2d(functional.pad(rows, (reach, reach, 0, 0), "reflect"), (1, 2 * reach + 1), 1)
        part.sub_(both[0])
    return planes


def _coarser(grid: Energy, most: int) -> Energy:
    if grid.known is None:
        cells, known = _in_cells(grid.cells, most), None
    else:
        share = _in_cells(grid.known.float(), most)
        cells, known = _in_cells(grid.cells * grid.known, most) / share.clamp(min=1e-6), share >= _LEAST_KNOWN
    ratios = [a / b for a, b in zip(grid.cells.shape[1:], cells.shape[1:], strict=True)]
    z, y, x = grid.spacing_angstrom
    return Energy(cells, (z, y * ratios[0], x * ratios[1]), known)


def _in_cells(planes: Tensor, most: int) -> Tensor:
    height, width = planes.shape[1:]
    return functional.adaptive_avg_pool2d(planes, (min(most, height), min(most, width)))


def _steepest(grid: Energy, around: tuple[float, float], step: float, reach: int) -> tuple[float, float]:
    """Of the slopes (y, x) around one, that whose profile a box explains best."""
    turns = range(-reach, reach + 1)
    slopes = [(around[0] + step * i, around[1] + step * j) for i, j in product(turns, turns)]
    gain = _boxes(*_profiles(grid, torch.tensor(slopes))).flatten(1).amax(1)
    return slopes[int(gain.argmax())]


def from_middle(count: int, step_angstrom: float) -> Tensor:
    """Å from the middle between the two faces of a volume to each of its planes, as a slab's height is counted."""
    return (torch.arange(count) - (count - 1) / 2) * step_angstrom


def _profiles(grid: Energy, slopes: Tensor, parity: int | None = None) -> tuple[Tensor, Tensor]:
    """For each slope (n, 2), the mean over cells at the same height above it, and how many cells: (n, planes) each.

    parity: take only every second column, as a chess board's squares of one colour.
    """
    depth, *sides = grid.cells.shape
    y, x = (from_middle(n, step) for n, step in zip(sides, grid.spacing_angstrom[1:], strict=True))
    rise = slopes[:, :1, None] * y[:, None] + slopes[:, 1:, None] * x
    at = torch.arange(depth)[:, None] + rise.flatten(1)[:, None] / grid.spacing_angstrom[0]
    within = (at >= 0) & (at <= depth - 1)
    if parity is not None:
        squares = torch.arange(sides[0])[:, None] + torch.arange(sides[1])
        within &= (squares % 2 == parity).flatten()
    low = at.floor().clamp_(0, max(depth - 2, 0))
    share = (at - low).clamp_(0, 1)
    under, over = low.long(), (low.long() + 1).clamp_(max=depth - 1)
    cells = grid.cells.flatten(1).expand(len(slopes), -1, -1)
    below, above = cells.gather(1, under), cells.gather(1, over)
    if grid.known is not None:
        known = grid.known.flatten(1).expand(len(slopes), -1, -1)
        within &= known.gather(1, under) & known.gather(1, over)
    weight = within.sum(2).float()
    return (torch.lerp(below, above, share) * within).sum(2) / weight.clamp(min=1), weight


def _boxes(profile: Tensor, weight: Tensor) -> Tensor:
    """(n, first, last + 1): the variance that a box between these planes explains, where it is the higher part."""
    zero = torch.zeros(len(profile), 1)
    count = torch.cat([zero, weight.cumsum(1)], 1)
    total = torch.cat([zero, (weight * profile).cumsum(1)], 1)
    inside, sum_inside = (one[:, None, :] - one[:, :, None] for one in (count, total))
    outside, sum_outside = count[:, -1:, None] - inside, total[:, -1:, None] - sum_inside
    step = sum_inside / inside.clamp(min=1) - sum_outside / outside.clamp(min=1)
    gain = inside * outside * step.square() / count[:, -1:, None].clamp(min=1)
    return torch.where((inside > 0) & (outside > 0) & (step > 0), gain, 0.0)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Planes at which half of the step is reached, the step, what it explains, and which faces are within."""

    low: float
    high: float
    step: float
    explained: float
    seen: tuple[bool, bool]


def _trapezoid(grid: Energy, slope: tuple[float, float], parity: int | None = None) -> _Fit | None:
    """The trapezoid that fits the profile at this slope best, searched near the best box; None where there is none."""
    profile, weight = (one[0] for one in _profiles(grid, torch.tensor([slope]), parity))
    box = _boxes(profile[None], weight[None])[0]
    if float(box.max()) <= 0:
        return None
    first, last = divmod(int(box.argmax()), box.shape[1])
    share = weight / weight.sum()
    mean = (share * profile).sum()
    variance = (share * (profile - mean).square()).sum()
    near = torch.arange(-_NEAR_PLANES, _NEAR_PLANES + 0.01, 0.25)
    low, high = (first - 0.5 + near)[:, None, None], (last - 0.5 + near)[:, None]
    z = torch.arange(len(profile))
    best, step, edges = 0.0, 0.0, (first - 0.5, last - 0.5)
    for ramp in _RAMPS_ANGSTROM:
        planes = max(ramp / grid.spacing_angstrom[0], 0.5)
        shape = ((z - low) / planes + 0.5).clamp(0, 1).minimum((0.5 - (z - high) / planes).clamp(0, 1))
        shape = shape - (share * shape).sum(2, keepdim=True)
        spread = (share * shape.square()).sum(2)
        slant = (share * shape * (profile - mean)).sum(2) / spread.clamp(min=1e-9)
        gain = torch.where((slant > 0) & (high > low)[..., 0], slant.square() * spread, 0.0)
        at = int(gain.argmax())
        if float(gain.flatten()[at]) > best:
            best, step = float(gain.flatten()[at]), float(slant.flatten()[at])
            edges = (float(low[at // gain.shape[1], 0, 0]), float(high[at % gain.shape[1], 0]))
    there = weight.nonzero().flatten()
    bottom, top = float(there[0]) - 0.5, float(there[-1]) + 0.5
    seen = (edges[0] > bottom + 0.5, edges[1] < top - 0.5)
    return _Fit(max(edges[0], bottom), min(edges[1], top), step, best / max(float(variance), 1e-12), seen)
