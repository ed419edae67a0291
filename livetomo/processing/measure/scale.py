"""Whether a voxel size can be right: what the tilt series' pixels and sizes say of it."""

import math

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.processing.voxel_witnesses import above_zero, unbinned_pixel

_EXACT = 0.02
_ROUGH = 0.10


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
