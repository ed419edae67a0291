"""The part of a recipe that makes maps: what each feature is found by, a built-in method or a network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo

from livetomo.config.model_card import package_digest, package_path, read_card, shipped
from livetomo.config.recipe.picks import Angstrom, Fraction, Name
from livetomo.config.user_file import Settings, UserModel, with_plugin_package
from livetomo.core.errors import ConfigurationError
from livetomo.core.units import Number, whole_number
from livetomo.system.registries import SEGMENTERS


class BlobFeature(UserModel):
    """Compact particles of a known diameter, found by a matched filter; no network.

    name: its name; other tables, files, topics and labels use it.
    diameter_angstrom: diameter of the particle.
    """

    name: Name
    model: Literal["blob"]
    diameter_angstrom: Angstrom


class DenseFeature(UserModel):
    """Matter that is much denser than protein: ice crystals, gold, broken film; no network.

    name: its name; other tables, files, topics and labels use it.
    deviations: a voxel belongs to the feature if it is this many robust standard deviations denser than the tomogram's
        median; proteins reach 3 in raw tomograms and 6 in denoised ones.
    grow_angstrom: voxels that are this close to such voxels belong to it too.
    """

    name: Name
    model: Literal["dense"]
    deviations: Annotated[Number, Field(gt=0)] = 10.0
    grow_angstrom: Annotated[Number, Field(ge=0, lt=1e4)] = 60.0


class RidgeFeature(UserModel):
    """Membranes, found as dense sheets; no network.

    It finds vertical membranes better than horizontal ones, which the missing wedge hides. It also finds the rims of
    large particles.

    name: its name; other tables, files, topics and labels use it.
    scales_angstrom: the standard deviations of the Gaussians that smooth the volume; the best of them counts.
    threshold: in labels and pictures, a voxel belongs to the feature if its probability exceeds this.
    """

    name: Name
    model: Literal["ridge"]
    scales_angstrom: Annotated[tuple[Angstrom, ...], Field(min_length=1)] = (25.0, 35.0)
    threshold: Fraction = 0.5


class NetworkFeature(UserModel):
    """A feature that a network was trained to find. Features of the same package are found in one run of it.

    The network uses the volume as it was read; denoising is for the other methods and for pictures.

    name: its name; other tables, files, topics and labels use it.
    model: the name of a package that comes with livetomo (`livetomo models list`), or the path of your own package,
        relative to this file: `"models/mine.safetensors"`.
    coarse_model: the package for tomograms whose voxels are larger than those that `model` works on; by default `model`
        is used for them too.
    channel: the name of this feature in the package, if it has another name there.
    mirrors: the result is the mean over this many mirror images of the volume (with the volume itself): 1, 2, 4 or 8.
        Each costs as much as the first; the second helps most.
    threshold: in labels and pictures, a voxel belongs to the feature if its probability exceeds this.
    sha256: checksum of the package, filled in when the recipe is read. If you write it here, another file is refused.
    coarse_sha256: the same for the coarse package.
    """

    name: Name
    model: str
    coarse_model: str | None = None
    channel: str | None = None
    mirrors: Annotated[Literal[1, 2, 4, 8], whole_number] = 1
    threshold: Fraction = 0.5
    sha256: str = ""
    coarse_sha256: str = ""

    @property
    def channel_name(self) -> str:
        """The package's name for it."""
        return self.channel or self.name


class PluginFeature(UserModel):
    """A feature that a plug-in of another package finds ([extending.md](extending.md)).

    Features of the same plug-in with the same settings and input are found in one run of it.

    name: its name; other tables, files, topics and labels use it.
    model: the name of the plug-in; `livetomo doctor` lists those that are installed.
    channel: the name of this feature in the plug-in, if it has another name there.
    input: the volume that the plug-in sees: `"denoised"`, or as it was `"read"`.
    settings: values for the plug-in; its own documentation lists them.
    threshold: in labels and pictures, a voxel belongs to the feature if its probability exceeds this.
    package: the package and its version, filled in when the recipe is read. If you write it here, another is refused.
    """

    name: Name
    model: str
    channel: str | None = None
    input: Literal["denoised", "read"] = "denoised"
    settings: Settings = Field(default={})
    threshold: Fraction = 0.5
    package: str

    @property
    def channel_name(self) -> str:
        """The plug-in's name for it."""
        return self.channel or self.name


_METHODS = SEGMENTERS.built_in
_BUILT_IN = f"a built-in method ({', '.join(sorted(_METHODS))})"


def _kind(value: Any) -> str:
    """Which of the models reads this table."""
    model = value.get("model") if isinstance(value, dict) else getattr(value, "model", None)
    if isinstance(model, str) and model in _METHODS:
        return model
    is_plugin = "package" in value if isinstance(value, dict) else isinstance(value, PluginFeature)
    return PluginFeature.__name__ if is_plugin else NetworkFeature.__name__


def _with_package(value: Any, info: ValidationInfo) -> Any:
    """What a user wrote of a network, with its packages looked up: paths made absolute, digests filled in."""
    if info.context is None or not isinstance(value, dict) or not isinstance(value.get("model", ""), str):
        return value
    if "model" not in value:
        raise ValueError(f'the key "model" is missing; write {_BUILT_IN}, or a model package')
    if value["model"] in _METHODS:
        return value
    base = info.context["base"]
    if "package" in value or (package_path(value["model"], base) is None and value["model"] in SEGMENTERS):
        return with_plugin_package(SEGMENTERS, value["model"], value)
    completed = value | _found("", value, base)
    if isinstance(value.get("coarse_model"), str):
        completed |= _found("coarse_", value, base)
    return completed


def _found(prefix: str, value: dict[str, Any], base: Path) -> dict[str, Any]:
    """What is to stand in `model` and `sha256`, or in those with the prefix."""
    model = value[f"{prefix}model"]
    path = package_path(model, base)
    if path is None:
        others = [name for name in SEGMENTERS if name not in _METHODS]
        kinds = "not" if prefix else f"neither {_BUILT_IN}{''.join(f', {name}' for name in others)} nor"
        packages = ", ".join(shipped()) or "there is none"
        raise ValueError(
            f'{prefix}model "{model}" is {kinds} a package that comes with livetomo ({packages}); '
            "name a file of your own with its ending, .safetensors"
        )
    path = path.absolute()
    try:
        card = read_card(path)
        digest = package_digest(path)
    except ConfigurationError as fault:
        raise ValueError(f'{prefix}model "{model}": {fault}') from None
    except OSError as fault:
        raise ValueError(f'{prefix}model "{model}": {path} cannot be read ({fault.strerror})') from None
    wanted = value.get("channel") or value.get("name")
    if isinstance(wanted, str) and wanted not in card.features:
        key = "channel" if value.get("channel") else "name"
        cure = "" if key == "channel" else ', or name one of them in "channel"'
        raise ValueError(
            f'{prefix}model "{model}" does not know "{wanted}", its "{key}"; it knows {", ".join(card.features)}: '
            f"write one of these{cure}"
        )
    pin = f"{prefix}sha256"
    if value.get(pin) not in (None, "", digest):
        raise ValueError(f'{prefix}model "{model}" is another file than "{pin}" says: its own begins {digest[:16]}')
    return {f"{prefix}model": model if model in shipped() else str(path), pin: digest}


Feature = Annotated[
    Annotated[BlobFeature, Tag("blob")]
    | Annotated[DenseFeature, Tag("dense")]
    | Annotated[RidgeFeature, Tag("ridge")]
    | Annotated[PluginFeature, Tag(PluginFeature.__name__)]
    | Annotated[NetworkFeature, Tag(NetworkFeature.__name__)],
    Discriminator(_kind),
    BeforeValidator(_with_package),
]


def label_thresholds(features: Sequence[Feature]) -> dict[str, float]:
    """Of the features that fill what they are found in, by name: what of their maps labels and pictures show.

    A blob's map says where centres are, not what belongs to them.
    """
    return {
        feature.name: 0.5 if isinstance(feature, DenseFeature) else feature.threshold
        for feature in features
        if not isinstance(feature, BlobFeature)
    }
