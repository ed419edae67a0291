"""The part of a recipe that makes maps: what each feature is found by, a built-in method or a network."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo

from livetomo.errors import ConfigurationError
from livetomo.models.card import package_digest, package_path, read_card, shipped
from livetomo.recipe_picks import Angstrom, Fraction, Name
from livetomo.units import Number
from livetomo.userfile import UserModel


class BlobFeature(UserModel):
    """Compact particles of a known diameter, found by a matched filter; no network.

    name: the feature's, as the other tables call it; it stands in files, topics and labels.
    diameter_angstrom: of the particle.
    """

    name: Name
    model: Literal["blob"]
    diameter_angstrom: Angstrom


class DenseFeature(UserModel):
    """Matter far denser than any protein: ice crystals, gold, broken film; no network.

    name: the feature's, as the other tables call it; it stands in files, topics and labels.
    deviations: what is this many robust standard deviations denser than the tomogram's median belongs to it; proteins
        reach 3 in raw tomograms and 6 in denoised ones.
    grow_angstrom: and what lies this close to that.
    """

    name: Name
    model: Literal["dense"]
    deviations: Annotated[Number, Field(gt=0)] = 10.0
    grow_angstrom: Annotated[Number, Field(ge=0, lt=1e4)] = 60.0


class RidgeFeature(UserModel):
    """Membranes, found as dense sheets; no network.

    It sees walls better than floors and lids, which the missing wedge hides, and the rims of large particles too.

    name: the feature's, as the other tables call it; it stands in files, topics and labels.
    scales_angstrom: the standard deviations of the Gaussians that the volume is smoothed with; the best of them counts.
    threshold: in labels and pictures a voxel is the feature's where its probability exceeds this.
    """

    name: Name
    model: Literal["ridge"]
    scales_angstrom: Annotated[tuple[Angstrom, ...], Field(min_length=1)] = (25.0, 35.0)
    threshold: Fraction = 0.5


class NetworkFeature(UserModel):
    """What a network was trained to see. Features of the same package are found in one run of it.

    The network sees the volume as it was read; denoising is for the other methods and for pictures.

    name: the feature's, as the other tables call it; it stands in files, topics and labels.
    model: a package that comes with livetomo, by its name (`livetomo models list`), or the path of one of your own,
        relative to this file: `"models/mine.safetensors"`.
    channel: which of the package's features it is, where that has another name.
    mirrors: average over the eight mirror images of the volume: a little better, eight times as slow.
    threshold: in labels and pictures a voxel is the feature's where its probability exceeds this.
    sha256: of the package, filled in as the recipe is read. Written here it is a pin: another file is refused.
    """

    name: Name
    model: str
    channel: str | None = None
    mirrors: bool = False
    threshold: Fraction = 0.5
    sha256: str = ""

    @property
    def channel_name(self) -> str:
        """The package's name for it."""
        return self.channel or self.name


_METHODS = {
    word: kind
    for kind in (BlobFeature, DenseFeature, RidgeFeature)
    for word in get_args(kind.model_fields["model"].annotation)
}


def _kind(value: Any) -> str:
    """Which of the models reads this table."""
    model = value.get("model") if isinstance(value, dict) else getattr(value, "model", None)
    return model if isinstance(model, str) and model in _METHODS else NetworkFeature.__name__


def _with_package(value: Any, info: ValidationInfo) -> Any:
    """What a user wrote of a network, with its package looked up: its path made absolute, its digest filled in."""
    if info.context is None or not isinstance(value, dict) or not isinstance(value.get("model", ""), str):
        return value
    known = f"a built-in method ({', '.join(sorted(_METHODS))})"
    packages = ", ".join(shipped()) or "there is none"
    model = value.get("model")
    if model is None:
        raise ValueError(f'the key "model" is missing; write {known}, or a model package')
    if model in _METHODS:
        return value
    path = package_path(model, info.context["base"])
    if path is None:
        raise ValueError(
            f'model "{model}" is neither {known} nor a package that comes with livetomo ({packages}); '
            "name a file of your own with its ending, .safetensors"
        )
    return value | _found(path, value)


def _found(path: Path, value: dict[str, Any]) -> dict[str, Any]:
    path = path.absolute()
    try:
        card = read_card(path)
        digest = package_digest(path)
    except ConfigurationError as fault:
        raise ValueError(f'model "{value["model"]}": {fault}') from None
    except OSError as fault:
        raise ValueError(f'model "{value["model"]}": {path} cannot be read ({fault.strerror})') from None
    wanted = value.get("channel") or value.get("name")
    if isinstance(wanted, str) and wanted not in card.features:
        key = "channel" if value.get("channel") else "name"
        cure = "" if key == "channel" else ', or name one of them in "channel"'
        raise ValueError(
            f'model "{value["model"]}" does not know "{wanted}", its "{key}"; it knows {", ".join(card.features)}: '
            f"write one of these{cure}"
        )
    if value.get("sha256") not in (None, "", digest):
        raise ValueError(f'model "{value["model"]}" is another file than "sha256" says: its own begins {digest[:16]}')
    return {"model": value["model"] if value["model"] in shipped() else str(path), "sha256": digest}


Feature = Annotated[
    Annotated[BlobFeature, Tag("blob")]
    | Annotated[DenseFeature, Tag("dense")]
    | Annotated[RidgeFeature, Tag("ridge")]
    | Annotated[NetworkFeature, Tag(NetworkFeature.__name__)],
    Discriminator(_kind),
    BeforeValidator(_with_package),
]


def label_thresholds(features: Sequence[Feature]) -> dict[str, float]:
    """Of the features that fill what they are found in, by name: what of their maps is theirs in labels and pictures.

    A blob's map says where centres are, not what belongs to them.
    """
    return {
        feature.name: 0.5 if isinstance(feature, DenseFeature) else feature.threshold
        for feature in features
        if not isinstance(feature, BlobFeature)
    }
