"""A recipe: what is done to a tomogram, as the user writes it. What the docstrings say of the keys is its reference."""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from livetomo.config.recipe.denoise import Deconvolve, Denoise, NoDenoise, PluginDenoise
from livetomo.config.recipe.exclude import Exclude, exclude_faults
from livetomo.config.recipe.features import DenseFeature, Feature, PluginFeature
from livetomo.config.recipe.picks import Calibrate, Consensus, Curate, Distinct, Export, Fraction, Name, Pick, Quantile
from livetomo.config.recipe.quality import Baseline, Limit, limit_faults, limits_of
from livetomo.config.user_file import UserModel, read_toml, validate
from livetomo.core.errors import ConfigurationError
from livetomo.core.quality.definitions import Limits, Radiation
from livetomo.core.units import Number, VoxelSize
from livetomo.system.plugins import Member
from livetomo.system.registries import DENOISERS, EXPORTERS, SEGMENTERS

_NO_CTF = (
    'denoise: "method" is "deconvolve", which undoes the contrast transfer function of an electron microscope; '
    'tomograms of "radiation" "xray" do not have it. Write "none" or "lowpass"'
)


class Interaction(UserModel):
    """The map of one feature is kept only away from another feature, or only near it.

    Interactions act in the order in which they are written, each on the result of the one before.

    feature: the feature whose map is changed.
    avoid: the feature that it is kept away from.
    colocalize: or the feature that it is kept near to.
    threshold: the other feature is where its probability exceeds this.
    radius_angstrom: the distance that counts as near.
    slicewise: `true`: exactly as Ais does it, slice by slice in x and y, in whole voxels.
    """

    feature: Name
    avoid: Name | None = None
    colocalize: Name | None = None
    threshold: Fraction = 0.5
    radius_angstrom: Annotated[Number, Field(ge=0, lt=1e5)] = 100.0
    slicewise: bool = False

    @property
    def partner(self) -> str:
        """The feature whose map decides."""
        return self.avoid or self.colocalize or ""

    @model_validator(mode="after")
    def _one_partner(self) -> Self:
        if (self.avoid is None) == (self.colocalize is None):
            raise ValueError('give exactly one of "avoid" and "colocalize"')
        return self


class Competition(UserModel):
    """Features compete for voxels, before any interaction: where an emitting one is higher, an absorbing one is zeroed.

    emit: the features that win where they are higher; their maximum is computed once, so the order does not matter.
    absorb: the features that lose. Where both are equal, nothing is zeroed.
    """

    emit: tuple[Name, ...] = ()
    absorb: tuple[Name, ...] = ()


class Recipe(UserModel):
    """The top of the file.

    density: `"dark"` if matter is dark, as in most tomograms; `"bright"` for soft X-rays and inverted maps.
    radiation: what the tomograms were taken with: `"electrons"`, or `"xray"` for soft X-rays. Limits of quality figures
        that hold for electrons alone do not judge the others ([quality.md](quality.md)); the figures stay.
    voxel_size_angstrom: used instead of the header's, if that is known to be wrong.
    keep: maps that are kept beside the picks: the denoised volume; the probability of each feature; the labels, one
        small volume that says for each voxel which feature it belongs to.
    """

    density: Literal["dark", "bright"] = "dark"
    radiation: Radiation = "electrons"
    voxel_size_angstrom: VoxelSize | None = None
    keep: tuple[Literal["denoised", "probabilities", "labels"], ...] = ()
    denoise: Denoise = NoDenoise()
    feature: tuple[Feature, ...] = Field(min_length=1)
    competition: Competition = Competition()
    interaction: tuple[Interaction, ...] = ()
    pick: tuple[Pick, ...] = ()
    curate: tuple[Curate, ...] = ()
    limit: tuple[Limit, ...] = ()
    baseline: Baseline = Baseline()
    exclude: Exclude = Exclude()
    export: Export = Export()

    @model_validator(mode="after")
    def _features_exist(self) -> Self:
        names = [feature.name for feature in self.feature]
        faults = [f'two features are named "{name}"' for name in sorted({n for n in names if names.count(n) > 1})]
        faults += [*_faults(self, names), *limit_faults(self.limit, names, self.radiation)]
        faults += exclude_faults(self.exclude, names)
        if self.radiation == "xray" and isinstance(self.denoise, Deconvolve):
            faults.append(_NO_CTF)
        dense = {feature.name for feature in self.feature if isinstance(feature, DenseFeature)}
        faults += [
            f'pick number {number}: "{pick.feature}" is found by "dense", which has no decoys; leave out "false_share" '
            'and "decoys"'
            for number, pick in enumerate(self.pick, start=1)
            if pick.wants_decoys and pick.feature in dense
        ]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what was added to recipes later, where it is not said: those that do not say it keep their hash."""
        dumped: dict[str, Any] = handler(self)
        said = {"radiation": self.radiation != "electrons", "exclude": self.exclude != Exclude()}
        return {key: value for key, value in dumped.items() if said.get(key, True)}

    def to_json(self) -> dict[str, Any]:
        """Everything that is in force, defaults too: what the hash covers and `result.json` shows."""
        return self.model_dump(mode="json")

    @property
    def limits(self) -> Mapping[str, Limits]:
        """The limits of figures that count in place of the published ones, by the figures' names."""
        return limits_of(self.limit, self.radiation)

    @property
    def hash(self) -> str:
        """SHA-256 of what is in force; its first 8 digits name result folders.

        Models and maps count by what is in their files, not by where these lie: a folder that was moved makes no new
        results, a model that was trained anew does.
        """
        settings = self.to_json()
        for feature in settings["feature"]:
            for prefix in ("", "coarse_"):
                if feature.get(f"{prefix}sha256"):
                    del feature[f"{prefix}model"]
        for pick in settings["pick"]:
            if pick.get("map_sha256"):
                del pick["map"]
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def members(self) -> list[Member]:
        """What it names that may be a plug-in."""
        found = [Member(EXPORTERS, name) for name in self.export.formats]
        if isinstance(self.denoise, PluginDenoise):
            found.append(Member(DENOISERS, self.denoise.method, self.denoise.settings))
        features = (feature for feature in self.feature if isinstance(feature, PluginFeature))
        return found + [Member(SEGMENTERS, feature.model, feature.settings) for feature in features]


class MapRecipe(UserModel):
    """What is done to maps that are there already: a recipe without the tables that make them."""

    competition: Competition = Competition()
    interaction: tuple[Interaction, ...] = ()
    pick: tuple[Pick, ...] = ()
    curate: tuple[Curate, ...] = ()
    export: Export = Export()


def _faults(recipe: Recipe | MapRecipe, names: Collection[str]) -> Iterator[str]:
    """What is wrong with the features that a recipe mentions, where `names` are those there are."""
    for where, name in _mentioned(recipe):
        if name not in names:
            yield f'{where} is "{name}"; the features are {", ".join(names)}'
    picked = [pick.feature for pick in recipe.pick]
    for name in sorted({name for name in picked if picked.count(name) > 1}):
        yield f'"{name}" is picked twice; give the second map another name'
    for number, rule in enumerate(recipe.curate, start=1):
        for name in (rule.feature, *_picked_partners(rule)):
            if name in names and name not in picked:
                yield f'curate number {number}: "{name}" has no [[pick]]'
    yield from _threshold_faults(recipe)


def _threshold_faults(recipe: Recipe | MapRecipe) -> Iterator[str]:
    """Where curation needs what the share of false picks leaves open, or decoys cannot follow it."""
    limited = {pick.feature for pick in recipe.pick if pick.false_share is not None}
    decoyed = {pick.feature for pick in recipe.pick if pick.wants_decoys}
    for number, rule in enumerate(recipe.curate, start=1):
        where = f"curate number {number}"
        match rule:
            case Quantile() | Calibrate() if rule.feature in limited:
                yield f'{where}: "{rule.rule}" needs a threshold, and "{rule.feature}" has a "false_share"'
            case Consensus() | Distinct() if rule.feature in decoyed:
                yield f'{where}: "{rule.rule}" cannot be estimated by decoys; leave them out of its [[pick]]'
            case Consensus() | Distinct() if partner := next((p for p in _picked_partners(rule) if p in limited), None):
                yield f'{where}: "{rule.rule}" needs a threshold, and "{partner}" has a "false_share"'


def _picked_partners(rule: Curate) -> tuple[str, ...]:
    """The other features whose published particles a rule needs."""
    match rule:
        case Consensus():
            return rule.partners
        case Distinct():
            return (rule.partner,)
    return ()


def _mentioned(recipe: Recipe | MapRecipe) -> Iterator[tuple[str, str]]:
    for key in ("emit", "absorb"):
        yield from ((f'competition: "{key}"', name) for name in getattr(recipe.competition, key))
    for number, interaction in enumerate(recipe.interaction, start=1):
        yield f'interaction number {number}: "feature"', interaction.feature
        yield f'interaction number {number}: "{"avoid" if interaction.avoid else "colocalize"}"', interaction.partner
    for number, pick in enumerate(recipe.pick, start=1):
        yield f'pick number {number}: "feature"', pick.feature
    for number, rule in enumerate(recipe.curate, start=1):
        yield from ((f'curate number {number}: "{key}"', name) for key, name in rule.mentioned())


def load_map_recipe(name_or_path: str, names: Collection[str], parts: Collection[str]) -> MapRecipe:
    """The tables `parts` of a recipe, for maps of the features `names`; its own features are not looked at.

    Picks and curation of other features are left out; everything else that is mentioned has to be there.

    Raises:
        ConfigurationError: as `load_recipe`; also where there is no map of a feature, or where nothing is left to do.
    """
    content, source = _content(name_or_path, None)
    content = {key: value for key, value in content.items() if key in parts or key not in Recipe.model_fields}
    recipe = validate(MapRecipe, content, source, Path(name_or_path).parent)
    of_these = {
        "pick": tuple(pick for pick in recipe.pick if pick.feature in names),
        "curate": tuple(rule for rule in recipe.curate if rule.feature in names),
    }
    recipe = recipe.model_copy(update=of_these)
    if faults := list(_faults(recipe, names)):
        raise ConfigurationError("\n".join(f"{source}: {fault}" for fault in faults))
    if not (recipe.pick or recipe.interaction or recipe.competition.absorb):
        there = ", ".join(f"[{part}]" if part == "competition" else f"[[{part}]]" for part in parts if part != "export")
        raise ConfigurationError(f"{source}: says nothing about {', '.join(names)}; write {there}")
    return recipe


def load_recipe(name_or_path: str, base: Path | None = None) -> Recipe:
    """A built-in recipe by its name, or a recipe file by its path (relative to `base`).

    Raises:
        ConfigurationError: names the file, the key and what would be right.
    """
    content, source = _content(name_or_path, base)
    recipe = validate(Recipe, content, source, ((base or Path()) / name_or_path).parent)
    if faults := [fault for member in recipe.members() if (fault := member.why_unusable())]:
        raise ConfigurationError("\n".join(f"{source}: {fault}" for fault in dict.fromkeys(faults)))
    return recipe


def _content(name_or_path: str, base: Path | None) -> tuple[dict[str, Any], str]:
    built_in = resources.files("livetomo.config.recipe") / "builtin"
    known = sorted(entry.name.removesuffix(".toml") for entry in built_in.iterdir() if entry.name.endswith(".toml"))
    if name_or_path in known:
        with resources.as_file(built_in / f"{name_or_path}.toml") as path:
            return read_toml(path), f"recipe {name_or_path}"
    path = (base or Path()) / name_or_path
    if not name_or_path.endswith(".toml") and not _is_there(path):
        raise ConfigurationError(
            f'recipe "{name_or_path}": neither a built-in recipe ({", ".join(known)}) nor a file of that name'
        )
    return read_toml(path), str(path)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long for the file system
        return False


def recipe_name(name_or_path: str) -> str:
    """What a recipe is called: a built-in one by its name, a file by its stem."""
    return Path(name_or_path).name.removesuffix(".toml")
