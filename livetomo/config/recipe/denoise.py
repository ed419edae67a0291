"""The part of a recipe that denoises the volume."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo

from livetomo.config.explain import did_you_mean, one_of
from livetomo.config.recipe.picks import Angstrom, Fraction
from livetomo.config.user_file import Settings, UserModel, with_plugin_package
from livetomo.core.units import Number
from livetomo.system.registries import DENOISERS


class NoDenoise(UserModel):
    """The volume is left as it is."""

    method: Literal["none"] = "none"


class LowPass(UserModel):
    """A Gaussian low-pass filter.

    resolution_angstrom: at the spatial frequency 1/`resolution_angstrom` the amplitude falls to 1/e.
    """

    method: Literal["lowpass"]
    resolution_angstrom: Angstrom = 60.0


class Deconvolve(UserModel):
    """The contrast transfer function is undone by a Wiener filter (that of tom_deconv, which Warp uses too).

    Defocus and voltage come from the sidecars; the values given here are used if the sidecars have none.

    defocus_angstrom: defocus, if no sidecar gives it; underfocus is positive.
    strength: how much contrast is restored: at low resolution the signal counts as 10 to the power of three times this
        stronger than the noise.
    falloff: how quickly that ratio falls with resolution.
    highpass: frequencies up to this share of the Nyquist frequency are damped.
    phase_flipped: `true` if the reconstruction has corrected the sign of the CTF already.
    voltage_kilovolt: acceleration voltage, if no sidecar gives it.
    spherical_aberration_mm: spherical aberration of the microscope.
    amplitude_contrast: share of amplitude contrast; 0.07 to 0.1 for ice.
    """

    method: Literal["deconvolve"]
    defocus_angstrom: Annotated[Number, Field(gt=0, lt=1e6)] | None = None
    strength: Annotated[Number, Field(gt=0, le=3)] = 1.0
    falloff: Annotated[Number, Field(gt=0, le=10)] = 1.0
    highpass: Annotated[Number, Field(gt=0, le=1)] = 0.02
    phase_flipped: bool = False
    voltage_kilovolt: Annotated[Number, Field(ge=60, le=1500)] = 300.0
    spherical_aberration_mm: Annotated[Number, Field(ge=0, le=10)] = 2.7
    amplitude_contrast: Fraction = 0.07


class TotalVariation(UserModel):
    """Total variation denoising: noise goes and edges stay. It needs neither training nor half-maps.

    weight: how much is smoothed, in standard deviations of the volume; or `"halves"`: for each tomogram the weight from
        0.3 to 1.4 with which each half-map, denoised, correlates best with the other as it was read.
    weight_without_halves: the weight of a tomogram without usable half-maps, if `weight` is `"halves"`; a warning in
        the result says so.
    """

    method: Literal["tv"]
    weight: Annotated[Number, Field(gt=0, le=10)] | Literal["halves"] = 0.7
    weight_without_halves: Annotated[Number, Field(gt=0, le=10)] = 0.7


class Wiener(UserModel):
    """A Wiener filter: each spatial frequency counts by as much as the two half-maps agree on it.

    A tomogram without usable half-maps fails with the reason "no half-maps".
    """

    method: Literal["wiener"]


class BesideDenoise(UserModel):
    """The volume that another program denoised (DenoisET, cryoCARE, Topaz, IsoNet, Warp) is read in place of denoising.

    It has the extents and the voxel size of the tomogram and resembles it; another one is not used. `result.json` names
    the file and its digest. A volume that comes later is used when the tomogram is processed again.

    files: where it lies, relative to the tomogram's folder; `{name}` stands for the tomogram's file name without its
        ending. The first that is there is used. By default the places that [denoise.md](denoise.md) lists.
    otherwise: what is done if there is none that can be used: the tomogram fails with the reason "no denoised volume",
        or is processed as that method does by its defaults, and a warning in the result says so.
    """

    method: Literal["beside"]
    files: tuple[str, ...] = ()
    otherwise: Literal["fail", "none", "lowpass", "tv"] = "fail"


class PluginDenoise(UserModel):
    """Any other method is that of a plug-in of another package ([extending.md](extending.md)).

    method: the name of the plug-in; `livetomo doctor` lists those that are installed.
    settings: values for the plug-in; its own documentation lists them.
    package: the package and its version, filled in when the recipe is read. If you write it here, another is refused.
    """

    method: str
    settings: Settings = Field(default={})
    package: str = ""


def _kind(value: Any) -> str:
    """Which of the models reads this table."""
    method = value.get("method") if isinstance(value, dict) else getattr(value, "method", None)
    return method if isinstance(method, str) and method in DENOISERS.built_in else PluginDenoise.__name__


def _with_package(value: Any, info: ValidationInfo) -> Any:
    """What a user wrote of a plug-in, with its package filled in."""
    if info.context is None or not isinstance(value, dict):
        return value
    if "method" not in value:
        raise ValueError(f'the key "method" is missing; write {one_of(list(DENOISERS))}')
    method = value["method"]
    if not isinstance(method, str) or method in DENOISERS.built_in:
        return value
    if method not in DENOISERS:
        known = list(DENOISERS)
        raise ValueError(f'"method" is "{method}"; write {one_of(known)}{did_you_mean(method, known)}')
    return with_plugin_package(DENOISERS, method, value)


Denoise = Annotated[
    Annotated[NoDenoise, Tag("none")]
    | Annotated[LowPass, Tag("lowpass")]
    | Annotated[Deconvolve, Tag("deconvolve")]
    | Annotated[TotalVariation, Tag("tv")]
    | Annotated[Wiener, Tag("wiener")]
    | Annotated[BesideDenoise, Tag("beside")]
    | Annotated[PluginDenoise, Tag(PluginDenoise.__name__)],
    Discriminator(_kind),
    BeforeValidator(_with_package),
]
