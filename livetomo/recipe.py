"""A recipe: what is done to a tomogram, as the user writes it."""

import hashlib
import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from livetomo.errors import ConfigurationError
from livetomo.userfile import UserModel, read_toml, validate

Angstrom = Annotated[float, Field(gt=0, lt=1e5)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]


class NoDenoise(UserModel):
    """The volume as it is."""

    method: Literal["none"] = "none"


class LowPass(UserModel):
    """A Gaussian low-pass: the amplitude at 1/`resolution_angstrom` falls to 1/e."""

    method: Literal["lowpass"]
    resolution_angstrom: Angstrom = 60.0


Denoise = Annotated[NoDenoise | LowPass, Field(discriminator="method")]


class BlobFeature(UserModel):
    """Compact particles of a known diameter, found by a difference of Gaussians; no network."""

    name: Name
    model: Literal["blob"]
    diameter_angstrom: Angstrom


class DenseFeature(UserModel):
    """Matter far denser than any protein: ice crystals, gold, broken film; no network."""

    name: Name
    model: Literal["dense"]
    deviations: Annotated[float, Field(gt=0)] = 6.0
    grow_angstrom: Annotated[float, Field(ge=0, lt=1e4)] = 60.0


def _feature_kind(value: Any) -> str | None:
    return value.get("model") if isinstance(value, dict) else getattr(value, "model", None)


Feature = Annotated[
    Annotated[BlobFeature, Tag("blob")] | Annotated[DenseFeature, Tag("dense")], Discriminator(_feature_kind)
]


class Interaction(UserModel):
    """One feature's map changed by another's: kept only near it, or away from it."""

    feature: Name
    avoid: Name | None = None
    colocalize: Name | None = None
    threshold: Fraction = 0.5
    radius_angstrom: Annotated[float, Field(ge=0, lt=1e5)] = 100.0

    @property
    def partner(self) -> str:
        """The feature whose map decides."""
        return self.avoid or self.colocalize or ""

    @model_validator(mode="after")
    def _one_partner(self) -> Self:
        if (self.avoid is None) == (self.colocalize is None):
            raise ValueError('give exactly one of "avoid" and "colocalize"')
        return self


class Pick(UserModel):
    """How particles are taken from a feature's map."""

    feature: Name
    method: Literal["maxima"] = "maxima"
    threshold: Fraction = 0.5
    candidate_threshold: Fraction = 0.1
    min_spacing_angstrom: Angstrom
    edge_angstrom: Annotated[float, Field(ge=0, lt=1e5)] = 0.0

    @model_validator(mode="after")
    def _candidates_include_picks(self) -> Self:
        if self.candidate_threshold > self.threshold:
            raise ValueError('"candidate_threshold" is above "threshold": every published pick is a candidate too')
        return self


class Export(UserModel):
    """The formats in which picks are written."""

    formats: tuple[Literal["relion5"], ...] = ("relion5",)


class Recipe(UserModel):
    """Everything that is done to a tomogram."""

    density: Literal["dark", "bright"] = "dark"
    keep: tuple[Literal["denoised", "probabilities"], ...] = ()
    denoise: Denoise = NoDenoise()
    feature: tuple[Feature, ...] = Field(min_length=1)
    interaction: tuple[Interaction, ...] = ()
    pick: tuple[Pick, ...] = ()
    export: Export = Export()

    @model_validator(mode="after")
    def _features_exist(self) -> Self:
        names = [feature.name for feature in self.feature]
        if doubled := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"two features are named {sorted(doubled)[0]!r}")
        for name in self._mentioned():
            if name not in names:
                raise ValueError(f"there is no feature {name!r}; the features are {', '.join(names)}")
        return self

    def _mentioned(self) -> Iterator[str]:
        for interaction in self.interaction:
            yield from (interaction.feature, interaction.partner)
        yield from (pick.feature for pick in self.pick)

    def to_json(self) -> dict[str, Any]:
        """Everything that is in force, defaults too: what the hash covers and `result.json` shows."""
        return self.model_dump(mode="json")

    @property
    def hash(self) -> str:
        """SHA-256 of what is in force; its first 8 digits name result folders."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


def load_recipe(name_or_path: str, base: Path | None = None) -> Recipe:
    """A built-in recipe by its name, or a recipe file by its path (relative to `base`).

    Raises:
        ConfigurationError: names the file, the key and what would be right.
    """
    built_in = resources.files("livetomo") / "recipes"
    known = sorted(entry.name.removesuffix(".toml") for entry in built_in.iterdir() if entry.name.endswith(".toml"))
    if name_or_path in known:
        with resources.as_file(built_in / f"{name_or_path}.toml") as path:
            return validate(Recipe, read_toml(path), f"recipe {name_or_path}")
    path = (base or Path()) / name_or_path
    if not name_or_path.endswith(".toml") and not path.exists():
        raise ConfigurationError(
            f'recipe "{name_or_path}": neither a built-in recipe ({", ".join(known)}) nor a file of that name'
        )
    return validate(Recipe, read_toml(path), str(path))
