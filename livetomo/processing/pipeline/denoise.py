"""From the normalised, clipped volume to the denoised one, as the recipe says."""

from torch import Tensor

from livetomo.config.recipe.denoise import Deconvolve, LowPass, NoDenoise, PluginDenoise
from livetomo.core.errors import NoDefocus
from livetomo.core.geometry import TomogramGeometry
from livetomo.processing.blank import Blank
from livetomo.processing.denoise.deconvolve import deconvolve
from livetomo.processing.denoise.lowpass import lowpass_, sigma_of_resolution
from livetomo.processing.normalise import clip_, normalise_
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.processing.pipeline.plugins import denoised_by_plugin


def denoise_(clipped: Tensor, spec: JobSpec, geometry: TomogramGeometry, blank: Blank | None = None) -> Tensor:
    """The volume (normalised, clipped, z, y, x) as the recipe denoises it; its memory is used again where that can be.

    Raises:
        NoDefocus: it is to be deconvolved, and nobody says the defocus.
        PluginFailed, PluginAway: it is to be denoised by a plug-in.
    """
    match spec.recipe.denoise:
        case NoDenoise():
            return clipped
        case LowPass(resolution_angstrom=resolution):
            return lowpass_(clipped, sigma_voxels=sigma_of_resolution(geometry.voxels(resolution)))
        case Deconvolve() as rule:
            return _rescaled(_deconvolved(clipped, rule, spec, geometry.voxel_size_angstrom), blank)
        case PluginDenoise() as rule:
            return _rescaled(denoised_by_plugin(clipped, rule, geometry), blank)


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
