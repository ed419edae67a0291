"""Who says how large a tomogram's voxels are: header, name, sidecars, extents; whether these contradict a size."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, TypeGuard

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.voxel_size import is_possible
from livetomo.formats.mrc_header import MrcHeader

Kind = Literal["header", "name", "sidecar", "extents"]
SAME = 0.01
_EXTENTS_AGREE = 0.02
_NM = 10.0
_METRE = 1e10
_UNIT = r"a(?:ng)?[_]?(?:px|pix|pixel|perpix)|apix|angstroms?|ang|å|a|nm"
# `TS_01_12.00Apx`, `TS_01_10.00A`, `TS_01_1.2nm`; and `TS_01_apix12`, `TS_01_angpix_13.48`.
_SIZE = r"(?P<size>\d+(?:\.(?P<digits>\d+))?)"
_AFTER = re.compile(rf"(?:^|(?<=[^0-9A-Za-z.])){_SIZE}_?(?P<unit>{_UNIT})(?![0-9A-Za-z])", re.IGNORECASE)
_NOUN = r"apix|angpix|a[_]?px|pixelsize|pixsize|voxelsize|voxsize"
_BEFORE = re.compile(rf"(?:^|(?<=[^A-Za-z]))(?P<unit>{_NOUN})[_=-]?{_SIZE}(?![0-9A-Za-z])", re.IGNORECASE)
_ENDINGS = re.compile(r"(?:\.(?:mrc|rec|map|gz|bz2|st))+$", re.IGNORECASE)
_EXACT = 0.02
_ROUGH = 0.10


@dataclass(frozen=True, slots=True)
class Witness:
    """One that says a voxel size. `slack`: Å by which it may be rounded; `how`: what it was made of, for people.

    is_sure: it says so in words that mean nothing else; others only count where nobody sure speaks, or as support.
    """

    angstrom: float
    source: str
    kind: Kind
    slack: float = 0.0
    how: str = ""
    is_sure: bool = True

    def agrees(self, other: "Witness") -> bool:
        """Whether both can mean the same size."""
        share = _EXTENTS_AGREE if "extents" in (self.kind, other.kind) else SAME
        slack = max(share * max(self.angstrom, other.angstrom), self.slack, other.slack)
        return abs(self.angstrom - other.angstrom) <= slack * (1 + 1e-9)


def header_is_unset(header: MrcHeader) -> bool:
    """Whether it says exactly 1 Å, as many programs write when they do not know."""
    return all(abs(size - 1) < 1e-4 for size in header.voxel_size_xyz)


def of_header(header: MrcHeader) -> Iterator[Witness]:
    """Where it has a possible size, which may be in metres; one of exactly 1 Å is not sure."""
    x = header.voxel_size_xyz[0]
    if is_possible(x * _METRE):
        yield Witness(float(f"{x * _METRE:.6g}"), "header", "header", how=f"{x:g}, in metres")
    elif is_possible(x):
        yield Witness(x, "header", "header", how=header.cell_note, is_sure=not header_is_unset(header))


def of_name(path: PurePath) -> Iterator[Witness]:
    """The last size in the file's name. A whole number before `A` or `nm` may be the name of a grid square, or gold."""
    stem = _ENDINGS.sub("", path.name)
    found = sorted((*_AFTER.finditer(stem), *_BEFORE.finditer(stem)), key=lambda match: match.start())
    for match in reversed(found):
        unit = match["unit"].lower()
        scale = _NM if unit == "nm" else 1.0
        size = float(match["size"]) * scale
        if is_possible(size):
            digits = match["digits"]
            slack = 0.5 * scale * 10.0 ** -len(digits or "")
            yield Witness(size, "name", "name", slack, match[0], is_sure=bool(digits) or unit not in ("a", "å", "nm"))
            return


def of_sidecars(header: MrcHeader, facts: SidecarFacts) -> Iterator[Witness]:
    """Sizes that sidecars say, pixels times the binning that one says, and pixels times the binning by the extents."""
    scales = facts.scales or (facts,)
    pixel, source = unbinned_pixel(facts)
    for one in scales:
        name = one.sidecar
        if size := above_zero(one.voxel_size_angstrom):
            yield Witness(size, _source([name]), "sidecar")
        own = above_zero(one.pixel_size_angstrom)
        of_pixel, sources = (own, [name]) if own else (pixel, [name, source])
        if of_pixel and (binning := above_zero(one.binning)) and is_possible(of_pixel * binning):
            size = float(f"{of_pixel * binning:.6g}")
            yield Witness(size, _source(sources), "sidecar", how=f"pixels of {of_pixel:g} Å, binned by {binning:g}")
    for one in scales:
        own = above_zero(one.pixel_size_angstrom) or above_zero(one.planned_pixel_size_angstrom)
        of_pixel, sources = (own, [one.sidecar]) if own else (pixel, [one.sidecar, source])
        for sides in (one.raw_size_xy, one.unbinned_size_xyz, one.planned_size_xyz):
            ratio = _binning_by_extents(header, sides)
            if of_pixel and ratio and is_possible(of_pixel * ratio):
                size = float(f"{of_pixel * ratio:.6g}")
                how = f"the volume's extents, in pixels of {of_pixel:g} Å"
                whole = math.isclose(2 * ratio, round(2 * ratio), abs_tol=1e-9)
                yield Witness(size, _source(sources, "extents"), "extents", how=how, is_sure=whole)
                return


def unbinned_pixel(facts: SidecarFacts) -> tuple[float | None, str]:
    """The tilt series' pixel in Å, and the sidecar that says it: named as such, or else as it was acquired.

    An acquisition with finer pixels than the tilt series has (super-resolution) is brought to those of the series.
    """
    scales = facts.scales or (facts,)
    for one in scales:
        if pixel := above_zero(one.pixel_size_angstrom):
            return pixel, one.sidecar
    raw = next((size for one in scales if _is_size(size := one.raw_size_xy)), None)
    for one in scales:
        if pixel := above_zero(one.acquisition_pixel_size_angstrom):
            acquired = one.acquisition_image_size_xy
            if raw is None or acquired is None or not _is_size(acquired):
                return pixel, one.sidecar
            finer = max(acquired[:2]) / max(raw[:2])
            if finer >= 1 and math.isclose(finer, round(finer), rel_tol=SAME):
                return pixel * round(finer), one.sidecar
    return None, ""


def _binning_by_extents(header: MrcHeader, size: tuple[int, ...] | None) -> float | None:
    """Unbinned pixels for each voxel, where x and y agree about it; reconstructions may be turned by 90 degrees."""
    if not _is_size(size):
        return None
    _, y, x = header.shape_zyx
    for width, height in ((size[0], size[1]), (size[1], size[0])):
        across, along = width / x, height / y
        if math.isclose(across, along, rel_tol=_EXTENTS_AGREE) and min(across, along) > 0.99:
            mean: float = (across + along) / 2
            half = round(2 * mean) / 2
            return half if math.isclose(mean, half, rel_tol=SAME) else mean
    return None


def _is_size(size: tuple[int, ...] | None) -> TypeGuard[tuple[int, ...]]:
    return size is not None and len(size) >= 2 and min(size[:2]) > 0


def above_zero(value: float | None) -> float | None:
    """The size, where it is one."""
    return float(value) if value is not None and value > 0 else None


def _source(sidecars: Sequence[str], word: str = "sidecar") -> str:
    names = ", ".join(dict.fromkeys(PurePath(sidecar).name for sidecar in sidecars if sidecar))
    return f"{word}: {names}" if names else word


def contradiction(voxel_size_angstrom: float, shape_zyx: tuple[int, int, int], facts: SidecarFacts) -> str | None:
    """Why sidecars' `facts` and this voxel size cannot both be right; None where nothing speaks against it.

    Pixels times binning are the voxels' size, to 2 %; where no binning is given, the images' sides are the volume's,
    in either order, to 10 % (reconstructions are cropped and padded a little).
    """
    pixel, _ = unbinned_pixel(facts)
    if pixel is None:
        return None
    if binning := above_zero(facts.binning):
        size = pixel * binning
        if math.isclose(size, voxel_size_angstrom, rel_tol=_EXACT):
            return None
        return f"the tilt series says {size:.4g} Å: pixels of {pixel:.4g} Å, binned by {binning:g}"
    sides = facts.raw_size_xy
    if sides is None or len(sides) != 2 or min(sides) <= 0:
        return None
    height, width = (n * voxel_size_angstrom for n in shape_zyx[1:])
    x, y = (side * pixel for side in sides)
    if any(_alike(width, a) and _alike(height, b) for a, b in ((x, y), (y, x))):
        return None
    return (
        f"at {voxel_size_angstrom:.4g} Å the volume is {width:,.0f} x {height:,.0f} Å wide, "
        f"but the tilt series {x:,.0f} x {y:,.0f} Å"
    )


def _alike(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_ROUGH)
