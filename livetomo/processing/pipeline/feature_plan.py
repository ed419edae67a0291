"""What will be done to find a recipe's features in a tomogram: on which grid, and by which networks."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from livetomo.config import decoy_calibration
from livetomo.config.model_card import Card
from livetomo.config.recipe.denoise import NoDenoise
from livetomo.config.recipe.features import BlobFeature, Feature, NetworkFeature, PluginFeature
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.false_share import DecoyCalibration
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import NetworkUsed
from livetomo.processing.footprint import NetworkRun
from livetomo.processing.networks.package import Models
from livetomo.processing.pipeline.map_grid import MapGrid
from livetomo.processing.pipeline.missing_features import with_dependents
from livetomo.processing.segment.canonical import canonical_shape


@dataclass(frozen=True, slots=True)
class Package:
    """A network that serves a feature: what the recipe calls its file, the file's digest, and its card."""

    name: str
    sha256: str
    card: Card


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """How a recipe's features are looked for in a tomogram; it holds no voxels.

    grid: that of the maps. With networks it is that of the finest of those that suit the tomogram: picking and
        interactions cost little there, and a score means what it meant when the network was evaluated. Without any it
        is the tomogram's.
    packages: by feature, the network that serves it.
    unfit: by feature, why its network is not run on voxels of this size; its map is empty.
    missing: these features, and those that are only looked for beside one of them.
    """

    recipe: Recipe
    grid: MapGrid
    packages: Mapping[str, Package]
    unfit: Mapping[str, str]
    missing: Mapping[str, str]

    def networks(self) -> dict[str, Package]:
        """Each network once, by its name."""
        return {package.name: package for package in self.packages.values()}

    def served(self) -> dict[tuple[str, int], list[NetworkFeature]]:
        """The features that one run of a network serves, by its name and the number of mirror images."""
        runs: dict[tuple[str, int], list[NetworkFeature]] = {}
        for feature in _by_network(self.recipe):
            if feature.name in self.packages:
                runs.setdefault((self.packages[feature.name].name, feature.mirrors), []).append(feature)
        return runs

    def by_plugin(self) -> list[list[PluginFeature]]:
        """The features that plug-ins find: in one list, those of one run."""
        runs: dict[str, list[PluginFeature]] = {}
        for feature in self.recipe.feature:
            if isinstance(feature, PluginFeature):
                runs.setdefault(f"{feature.model} {feature.input} {feature.settings}", []).append(feature)
        return list(runs.values())

    def keeps_as_read(self) -> bool:
        """Whether a plug-in is to see the volume as it was before denoising, which changes it."""
        is_changed = not isinstance(self.recipe.denoise, NoDenoise)
        return is_changed and any(run[0].input == "read" for run in self.by_plugin())

    def runs(self) -> list[NetworkRun]:
        """The networks' runs, for those who want to know what they will cost."""
        networks = self.networks()
        decoyed = self.of_features(self.decoyed()).served()
        return [
            NetworkRun(
                networks[name].card.canonical,
                len({feature.channel_name for feature in features}),
                mirrors,
                decoys=len({feature.channel_name for feature in decoyed.get((name, mirrors), ())}),
            )
            for (name, mirrors), features in self.served().items()
        ]

    def decoyed(self) -> list[str]:
        """The features that are looked for in a decoy too, to estimate how many picks are false."""
        return [rule.feature for rule in self.recipe.pick if rule.wants_decoys and rule.feature not in self.missing]

    def of_features(self, names: Collection[str]) -> "FeaturePlan":
        """The plan for these features alone, none of which is missing; on the same grid."""
        features = tuple(feature for feature in self.recipe.feature if feature.name in names)
        packages = {name: package for name, package in self.packages.items() if name in names}
        recipe = self.recipe.model_copy(update={"feature": features})
        return replace(self, recipe=recipe, packages=packages, unfit={}, missing={})

    def provenance(self) -> dict[str, NetworkUsed]:
        """Which networks are used, by what the recipe calls them."""
        return {
            name: NetworkUsed(package.card.name, package.sha256, package.card.steps)
            for name, package in self.networks().items()
        }

    def calibration(self, name: str) -> tuple[DecoyCalibration | None, str]:
        """How the decoys of a feature are calibrated, and by whose calibration; None, "" where nobody has one."""
        feature = self._feature(name)
        if isinstance(feature, NetworkFeature):
            card = self.packages[name].card
            found, whose = card.decoy_calibration.get(feature.channel_name), card.name
        else:
            found, whose = decoy_calibration.of_methods().get(feature.model), feature.model
        return found, whose if found else ""

    def diameter_angstrom(self, name: str) -> float | None:
        """How large the particles of a feature are, as the recipe or the card says; None where neither does."""
        feature = self._feature(name)
        if isinstance(feature, BlobFeature):
            return feature.diameter_angstrom
        if isinstance(feature, NetworkFeature) and name in self.packages:
            return self.packages[name].card.diameter_angstrom(feature.channel_name)
        return None

    def _feature(self, name: str) -> Feature:
        return next(feature for feature in self.recipe.feature if feature.name == name)


def plan_features(recipe: Recipe, tomogram: TomogramGeometry, models: Models) -> FeaturePlan:
    """The plan for such a tomogram.

    Raises:
        ModelAway: a network of the recipe is not there any more.
    """
    voxel_size = tomogram.voxel_size_angstrom
    suited = {feature.name: _suited(feature, voxel_size, models) for feature in _by_network(recipe)}
    reasons = {name: package.card.unfit(voxel_size) for name, package in suited.items()}
    unfit = {name: reason for name, reason in reasons.items() if reason}
    packages = {name: package for name, package in suited.items() if name not in unfit}
    grid = _grid(tomogram, list(packages.values()))
    return FeaturePlan(recipe, grid, packages, unfit, with_dependents(recipe, unfit))


def _suited(feature: NetworkFeature, voxel_size_angstrom: float, models: Models) -> Package:
    """The package for a tomogram with such voxels.

    That is the coarse one for larger voxels than `model` works on, and the other one where that was not evaluated for
    them and the other was.
    """
    fine = _package(feature.model, feature.sha256, models)
    is_fine = voxel_size_angstrom <= fine.card.voxel_size_angstrom
    if feature.coarse_model is None or (is_fine and not fine.card.unfit(voxel_size_angstrom)):
        return fine
    coarse = _package(feature.coarse_model, feature.coarse_sha256, models)
    if coarse.card.unfit(voxel_size_angstrom) and (is_fine or not fine.card.unfit(voxel_size_angstrom)):
        return fine
    return coarse


def _package(name: str, sha256: str, models: Models) -> Package:
    return Package(name, sha256, models.get(name, sha256).card)


def _by_network(recipe: Recipe) -> Iterator[NetworkFeature]:
    return (feature for feature in recipe.feature if isinstance(feature, NetworkFeature))


def _grid(tomogram: TomogramGeometry, packages: list[Package]) -> MapGrid:
    if not packages:
        return MapGrid(tomogram, tomogram)
    finest = min((package.card.canonical for package in packages), key=lambda c: c.voxel_size_angstrom)
    shape = canonical_shape(tomogram.shape_zyx, tomogram.voxel_size_angstrom, finest)
    return MapGrid.over(tomogram, shape, finest.voxel_size_angstrom)
