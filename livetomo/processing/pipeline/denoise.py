"""From the normalised, clipped volume to the denoised one, as the recipe says."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from torch import Tensor

from livetomo.config.recipe.denoise import (
    BesideDenoise,
    Deconvolve,
    LowPass,
    NoDenoise,
    PluginDenoise,
    TotalVariation,
    Wiener,
)
from livetomo.core.errors import NoDefocus, NoDenoisedVolume, NoHalves
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import DenoiserUsed
from livetomo.processing.blank import Blank
from livetomo.processing.denoise.deconvolve import deconvolve
from livetomo.processing.denoise.lowpass import lowpass_, sigma_of_resolution
from livetomo.processing.denoise.total_variation import total_variation_
from livetomo.processing.denoise.weight_by_halves import weight_by_halves
from livetomo.processing.denoise.wiener import wiener, wiener_curve
from livetomo.processing.measure.halves import shell_correlation
from livetomo.processing.normalise import clip_, normalise_
from livetomo.processing.pipeline.denoised_beside import denoised_beside
from livetomo.processing.pipeline.half_boxes import steepest_tilt_degrees, usable_halves
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.plugins import denoised_by_plugin

WEIGHT_BOX_SIDE = 96
_INSTEAD: Mapping[str, NoDenoise | LowPass | TotalVariation] = {
    "none": NoDenoise(),
    "lowpass": LowPass(method="lowpass"),
    "tv": TotalVariation(method="tv"),
}


@dataclass(frozen=True, slots=True)
class Denoised:
    """A denoised volume (z, y, x; matter positive), and warnings.

    used: by what it was denoised, where the recipe leaves that open.
    """

    volume: Tensor
    used: DenoiserUsed | None = None
    warnings: tuple[str, ...] = ()


def denoise_(clipped: Tensor, spec: JobSpec, geometry: TomogramGeometry, blank: Blank | None = None) -> Denoised:
    """The volume (normalised, clipped, z, y, x) as the recipe denoises it; its memory is used again where that can be.

    Half-maps are read here as they are, and only to choose how much to denoise: what compares them reads them again
    (`measure_half_maps`), and never sees what was denoised.

    Raises:
        NoDefocus: it is to be deconvolved, and nobody says the defocus.
        NoDenoisedVolume: another program's volume is to be read, there is none, and nothing is to be done instead.
        NoHalves: it is to be denoised by its half-maps, and there are none that can be used.
        PluginFailed, PluginAway: it is to be denoised by a plug-in.
    """
    match spec.recipe.denoise:
        case NoDenoise():
            return Denoised(clipped)
        case LowPass(resolution_angstrom=resolution):
            return Denoised(lowpass_(clipped, sigma_voxels=sigma_of_resolution(geometry.voxels(resolution))))
        case Deconvolve() as rule:
            return Denoised(_rescaled(_deconvolved(clipped, rule, spec, geometry.voxel_size_angstrom), blank))
        case TotalVariation() as rule:
            return _by_total_variation_(clipped, rule, spec)
        case Wiener():
            return _by_wiener(clipped, spec, geometry.voxel_size_angstrom)
        case BesideDenoise() as rule:
            return _read_beside(clipped, rule, spec, geometry, blank)
        case PluginDenoise() as rule:
            return Denoised(_rescaled(denoised_by_plugin(clipped, rule, geometry), blank))


def _by_total_variation_(clipped: Tensor, rule: TotalVariation, spec: JobSpec) -> Denoised:
    weight, source, warnings = (
        _weight_by_halves(clipped, rule, spec) if rule.weight == "halves" else (rule.weight, "recipe", ())
    )
    used = DenoiserUsed("tv", {"weight": weight, "from": source})
    return Denoised(total_variation_(clipped, weight=weight), used, warnings)


def _weight_by_halves(clipped: Tensor, rule: TotalVariation, spec: JobSpec) -> tuple[float, str, tuple[str, ...]]:
    """The weight, where it is from, and a warning where the half-maps cannot say it."""
    try:
        even, odd = usable_halves(spec, clipped.device, most_side=WEIGHT_BOX_SIDE)
    except NoHalves as fault:
        weight = rule.weight_without_halves
        return weight, "recipe", (f"Denoising: the weight is {weight:g}, that without half-maps: {fault.why}.",)
    return weight_by_halves(even, odd, most_tilt_degrees=steepest_tilt_degrees(spec)), "halves", ()


def _by_wiener(clipped: Tensor, spec: JobSpec, voxel_size_angstrom: float) -> Denoised:
    even, odd = usable_halves(spec, clipped.device)
    tilt = steepest_tilt_degrees(spec)
    shells = shell_correlation(even, odd, voxel_size_angstrom=voxel_size_angstrom, most_tilt_degrees=tilt)
    curve = wiener_curve(shells)
    if curve.is_empty:
        raise NoHalves(spec.path, "its half-maps have nothing in common")
    used = DenoiserUsed("wiener", {"finest_angstrom": round(curve.finest_angstrom, 2)})
    return Denoised(wiener(clipped, curve, voxel_size_angstrom=voxel_size_angstrom), used)


def _read_beside(
    clipped: Tensor, rule: BesideDenoise, spec: JobSpec, geometry: TomogramGeometry, blank: Blank | None
) -> Denoised:
    try:
        found = denoised_beside(clipped, rule, spec, geometry)
    except NoDenoisedVolume as fault:
        if rule.otherwise == "fail":
            raise
        instead = _INSTEAD[rule.otherwise]
        made = denoise_(clipped, replace(spec, recipe=spec.recipe.model_copy(update={"denoise": instead})), geometry)
        warning = f'Denoising: "{rule.otherwise}" took the place of the denoised volume: {fault.why}.'
        return Denoised(made.volume, DenoiserUsed("beside", {"otherwise": rule.otherwise}), (warning,))
    used = DenoiserUsed("beside", {"path": str(found.path), "digest": found.digest})
    others = ", ".join(str(path) for path in found.others)
    warnings = (f"Denoising: {found.path} was used; there is also {others}.",) if others else ()
    volume = clip_(found.volume)
    return Denoised(volume if blank is None else volume.masked_fill_(blank.mask, 0), used, warnings)


def _rescaled(volume: Tensor, blank: Blank | None) -> Tensor:
    return clip_(normalise_(volume, "bright", None if blank is None else blank.mask))


def _deconvolved(clipped: Tensor, rule: Deconvolve, spec: JobSpec, voxel_size_angstrom: float) -> Tensor:
    """By the tomogram's own defocus, or else by the recipe's."""
    defocus = spec.facts.defocus_angstrom or rule.defocus_angstrom
    if not isinstance(defocus, int | float):
        raise NoDefocus(spec.path)
    return deconvolve(
        clipped,
        voxel_size_angstrom=voxel_size_angstrom,
        defocus_angstrom=abs(defocus),
        voltage_kilovolt=spec.facts.voltage_kilovolt or rule.voltage_kilovolt,
        **rule.model_dump(exclude={"method", "defocus_angstrom", "voltage_kilovolt"}),
    )
