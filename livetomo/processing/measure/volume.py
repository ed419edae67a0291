"""The figures that a volume gives by itself: where the specimen lies in it, what it holds, and which tilts made it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

from livetomo.core.quality.metric import Quality, Verdict
from livetomo.processing.measure.polarity import density_skew, skews
from livetomo.processing.measure.slab import Slab, energy, find_slab
from livetomo.processing.measure.spectrum import spectrum
from livetomo.processing.measure.wedge import Wedge, find_wedge

_LEAST_SIDE = 16
_LEAST_EXPLAINED = 0.65
_LEAST_THICKNESS_ANGSTROM = 200.0
_STRUCTURE_ANGSTROM = 60.0
_STANDARD_ERRORS = 5.0
_MOST_BLANK = 0.1
_WEDGE_TOLERANCE_DEGREES = 15.0
_MOST_DEPTH = 1.2


@dataclass(frozen=True, slots=True)
class VolumeFigures:
    """The figures, and the slab where one is seen."""

    figures: Sequence[Quality] = ()
    slab: Slab | None = None


def volume_figures(
    volume: Tensor,
    *,
    voxel_size_angstrom: float,
    declared_tilts_degrees: float | None = None,
    blank: Tensor | None = None,
) -> VolumeFigures:
    """Of a volume (z, y, x), normalised and clipped, not denoised.

    declared_tilts_degrees: the range that sidecars give. blank: bool, voxels that hold nothing; best none at the faces.
    """
    if min(volume.shape) < _LEAST_SIDE:
        reason = f"fewer than {_LEAST_SIDE} voxels along an axis are too few to see a slab"
        return VolumeFigures([density_skew([]), *_nothing(reason), *_tilts(volume, None)])
    slab = find_slab(energy(volume, voxel_size_angstrom=voxel_size_angstrom, blank=blank))
    if slab and (slab.explained < _LEAST_EXPLAINED or slab.thickness_angstrom < _LEAST_THICKNESS_ANGSTROM):
        slab = None
    found = skews(volume, voxel_size_angstrom=voxel_size_angstrom, slab=slab, blank=blank)
    figures = [density_skew(found)]
    figures += _without_slab(volume, voxel_size_angstrom, blank) if slab is None else _slab(slab)
    if slab is not None:
        figures += _content(volume, slab, voxel_size_angstrom, blank)
    if blank is not None and float(blank.float().mean()) > _MOST_BLANK:
        reason = "too much of the volume is blank to see in its Fourier transform which angles are filled"
        missing = Quality("seen_tilt_range", None, "°", "missing", reason)
        return VolumeFigures([*figures, _depth(volume, None), missing], slab)
    return VolumeFigures([*figures, *_tilts(volume, declared_tilts_degrees)], slab)


def is_noise(volume: Tensor, *, voxel_size_angstrom: float, blank: Tensor | None = None) -> bool:
    """Whether there is nothing but noise: averaged to 60 Å, its values are normally distributed.

    Matter is denser than ice, so that it skews them, and is here and not there, so that they have heavy tails. Both are
    compared with what chance gives (standard errors sqrt(6/n) and sqrt(24/n) of n values).
    """
    across = max(1, math.ceil(_STRUCTURE_ANGSTROM / voxel_size_angstrom))
    values = functional.avg_pool3d(volume[None], min(across, *volume.shape))[0]
    if blank is None:
        values = (values - values.mean((1, 2), keepdim=True)).flatten()
    else:
        whole = functional.avg_pool3d(blank[None].float(), min(across, *volume.shape))[0] == 0
        mean = (values * whole).sum((1, 2), keepdim=True) / whole.sum((1, 2), keepdim=True).clamp(min=1)
        values = (values - mean)[whole]
    if not values.numel():
        return False
    values /= values.std(correction=0).clamp(min=1e-30)
    skew, tail = float(values.pow(3).mean()), float(values.pow(4).mean()) - 3
    n = values.numel()
    return abs(skew) < _STANDARD_ERRORS * math.sqrt(6 / n) and abs(tail) < _STANDARD_ERRORS * math.sqrt(24 / n)


def _without_slab(volume: Tensor, voxel_size_angstrom: float, blank: Tensor | None) -> list[Quality]:
    if not is_noise(volume, voxel_size_angstrom=voxel_size_angstrom, blank=blank):
        return _nothing("no face of the specimen is seen along z: the specimen fills the volume")
    reason = "the volume is empty: nothing but noise is seen in it"
    empty = Quality("contrast", 0.0, "", "warn", reason)
    return [empty if one.name == "contrast" else one for one in _nothing(reason)]


def _nothing(reason: str) -> list[Quality]:
    units = {"thickness": "Å", "slab_tilt": "°", "slab_tilt_x": "°", "slab_tilt_y": "°", "slab_shift": "Å"}
    units |= {"contrast": "", "sharpness": "Å"}
    missing = [Quality(name, None, unit, "missing", reason) for name, unit in units.items()]
    return [*missing, Quality("thickness_confidence", 0.0, "")]


def _slab(slab: Slab) -> list[Quality]:
    thickness = Quality("thickness", slab.thickness_angstrom, "Å")
    if not all(slab.seen):
        hidden = [name for name, seen in zip(("lower", "upper"), slab.seen, strict=True) if not seen]
        faces = f"{hidden[0]} face lies" if len(hidden) == 1 else "lower and upper faces lie"
        at_least = f"{slab.thickness_angstrom:,.0f} Å"
        reason = f"the specimen's {faces} beyond the volume: it is at least {at_least} thick"
        thickness = Quality("thickness", slab.thickness_angstrom, "Å", "warn", reason)
    return [
        thickness,
        Quality("thickness_confidence", slab.explained * slab.agreement, ""),
        Quality("slab_tilt", math.degrees(math.atan(slab.slope)), "°"),
        Quality("slab_tilt_x", math.degrees(math.atan(slab.slope_y)), "°"),
        Quality("slab_tilt_y", math.degrees(math.atan(slab.slope_x)), "°"),
        Quality("slab_shift", slab.middle_angstrom, "Å"),
    ]


def _content(volume: Tensor, slab: Slab, voxel_size_angstrom: float, blank: Tensor | None) -> list[Quality]:
    seen = spectrum(volume, slab, voxel_size_angstrom=voxel_size_angstrom, blank=blank)
    contrast, sharpness = (None, None) if seen is None else (seen.contrast(), seen.sharpness_angstrom())
    reason = "too little of the volume lies beside the specimen to compare with"
    if seen is not None:
        reason = "the specimen holds no more structure than its surroundings"
    # That the volume is not empty was looked for; of the sharpness nobody knows what is good.
    verdicts: dict[str, Verdict] = {"contrast": "good", "sharpness": "unjudged"}
    of_slab = []
    for name, value, unit in (("contrast", contrast, ""), ("sharpness", sharpness, "Å")):
        missing = Quality(name, None, unit, "missing", reason)
        of_slab.append(missing if value is None else Quality(name, value, unit, verdicts[name]))
    return of_slab


def _tilts(volume: Tensor, declared: float | None) -> list[Quality]:
    wedge = find_wedge(volume)
    return [_depth(volume, wedge), _seen_tilts(volume, wedge, declared)]


def _depth(volume: Tensor, wedge: Wedge | None) -> Quality:
    """Specimens are thinner than wide: a volume that is not may be stored with other axes than its header says."""
    z, y, x = volume.shape
    depth = z / min(y, x)
    if depth <= _MOST_DEPTH or (wedge is not None and wedge.axis == "x"):
        return Quality("relative_depth", depth, "", "good")
    reason = (
        f"the volume has {z:,} voxels along z and {min(y, x):,} across, and no wedge shows that z is the beam's axis: "
        "is it stored with other axes than its header says?"
    )
    return Quality("relative_depth", depth, "", "warn", reason)


def _wedge_round_another_axis(volume: Tensor) -> tuple[str, float] | None:
    """The axis that the missing wedge lies round, where that is not z, and the range of angles that is filled."""
    for name, axis in (("y", 1), ("x", 2)):
        wedge = find_wedge(volume.transpose(0, axis))
        if wedge is not None:
            return name, wedge.range_degrees
    return None


def _seen_tilts(volume: Tensor, wedge: Wedge | None, declared: float | None) -> Quality:
    name, unit = "seen_tilt_range", "°"
    if wedge is None and (round_other := _wedge_round_another_axis(volume)):
        axis, seen = round_other
        reason = f"the missing wedge lies about {axis} instead of z: the volume is stored with other axes than it says"
        return Quality(name, seen, unit, "warn", reason)
    if wedge is None:
        reason = "no wedge of the Fourier transform is empty: it was filled, or the volume is too small to show it"
        return Quality(name, None, unit, "missing", reason)
    seen = wedge.range_degrees
    if wedge.axis != "x":
        reason = "the missing wedge lies along y: the volume was turned, or its tilt axis is not along y"
        return Quality(name, seen, unit, "warn", reason)
    if declared is not None and seen < declared - _WEDGE_TOLERANCE_DEGREES:
        reason = f"of the {declared:.0f}° in the sidecars the volume holds {seen:.0f}°: views were left out"
        return Quality(name, seen, unit, "warn", reason)
    return Quality(name, seen, unit, "good")
