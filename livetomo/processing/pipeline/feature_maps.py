"""The maps of a recipe's features, all on one grid, by built-in methods and by networks."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from livetomo.config.recipe.features import BlobFeature, DenseFeature, NetworkFeature, RidgeFeature
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.errors import MapNotFinite
from livetomo.core.picks import Picks
from livetomo.formats.mrc import Geometry, as_probability_bytes
from livetomo.processing.blank import on_grid
from livetomo.processing.footprint import Run
from livetomo.processing.networks.inference import segment_canonical
from livetomo.processing.networks.model_cache import Models
from livetomo.processing.networks.package import Model
from livetomo.processing.pipeline.missing_features import with_dependents
from livetomo.processing.segment.blob import blob
from livetomo.processing.segment.canonical import canonical_shape, from_canonical, to_canonical
from livetomo.processing.segment.dense import dense
from livetomo.processing.segment.ridge import ridge

Shape = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where maps lie: over the whole tomogram, the first voxels on each other.

    Index i along an axis is index i * n_tomogram / n of the tomogram.
    """

    shape_zyx: Shape
    voxel_size_angstrom: float
    tomogram_zyx: Shape

    def bring(self, probability: Tensor) -> Tensor:
        """A map from any grid over the same tomogram onto this one."""
        return probability if probability.shape == self.shape_zyx else from_canonical(probability, self.shape_zyx)

    def geometry(self, tomogram: Geometry) -> Geometry:
        """Where a file of this grid lies: over the same cell, so that its voxels are about of their nominal size."""
        z, y, x = (n * tomogram.voxel_size_angstrom for n in self.tomogram_zyx)
        start_x, start_y, start_z = (
            round(start * mine / whole)
            for start, mine, whole in zip(
                tomogram.nstart, reversed(self.shape_zyx), reversed(self.tomogram_zyx), strict=True
            )
        )
        return replace(
            tomogram,
            voxel_size_angstrom=self.voxel_size_angstrom,
            nstart=(start_x, start_y, start_z),
            cell_angstrom=(x, y, z),
        )

    def in_tomogram(self, picks: Picks) -> Picks:
        """Picks of this grid with positions in voxels of the tomogram."""
        scale = np.array(self.tomogram_zyx) / np.array(self.shape_zyx)
        return replace(picks, position=(picks.position * scale).astype(np.float32))

    def on_tomogram(self, probability: Tensor) -> npt.NDArray[np.int8]:
        """A map of this grid as int8 0..127 on the tomogram's, made section by section."""
        if self.shape_zyx == self.tomogram_zyx:
            return as_probability_bytes(probability.float().cpu().numpy())
        packed = np.empty(self.tomogram_zyx, np.int8)
        depth, (_, rows, columns) = self.shape_zyx[0], self.tomogram_zyx
        for z, into in enumerate(packed):
            where = z * depth / self.tomogram_zyx[0]
            below = min(int(where), depth - 1)
            above = min(below + 1, depth - 1)
            section = torch.lerp(probability[below].float(), probability[above].float(), min(where - below, 1.0))
            wide = from_canonical(section[None], (1, rows, columns))
            into[:] = as_probability_bytes(wide.cpu().numpy())[0]
        return packed


class FeatureMaps:
    """Makes the maps of one tomogram. In turn: `find_dense`, clipping, `show_networks`, denoising, `make`.

    With networks the grid is that of the finest of those that suit the tomogram: picking and interactions cost little
    there, and a score means what it meant when the network was evaluated. Without any it is the tomogram's.

    unfit: why a network is not run on voxels of this size, by feature; its map is empty. missing: these features, and
    those that are only looked for beside one of them.
    """

    def __init__(self, recipe: Recipe, shape_zyx: Shape, voxel_size_angstrom: float, models: Models) -> None:
        self._recipe = recipe
        self.blank: Tensor | None = None
        """Bool, on the tomogram's grid: voxels that hold nothing, so that no feature is there."""
        self._voxel_size = voxel_size_angstrom
        self._models = models
        self._shape = shape_zyx
        self._found: dict[str, Tensor] = {}
        self._seen: dict[str, Tensor] = {}
        self.mirror_agreement: dict[str, float] = {}
        suited = {feature.name: self._suited(feature) for feature in self._by_network()}
        unfit = {name: models.get(*package).card.unfit(voxel_size_angstrom) for name, package in suited.items()}
        self.unfit = {name: reason for name, reason in unfit.items() if reason}
        self.missing = with_dependents(recipe, self.unfit)
        self._package = {name: package for name, package in suited.items() if name not in self.unfit}
        self._networks = {name: models.get(name, sha256) for name, sha256 in self._package.values()}
        self.grid = self._grid()

    def provenance(self) -> dict[str, Any]:
        """Which networks were used, by what the recipe calls them."""
        return {
            name: {"name": model.card.name, "sha256": model.sha256, "steps": model.card.steps}
            for name, model in self._networks.items()
        }

    def diameter_angstrom(self, name: str) -> float | None:
        """How large the particles of a feature are, as the recipe or the card says; None where neither does."""
        feature = next(each for each in self._recipe.feature if each.name == name)
        if isinstance(feature, BlobFeature):
            return feature.diameter_angstrom
        if isinstance(feature, NetworkFeature) and name in self._package:
            return self._networks[self._package[name][0]].card.diameter_angstrom(feature.channel_name)
        return None

    def runs(self) -> list[Run]:
        """The networks' runs, for those who want to know what they will cost."""
        return [
            Run(self._networks[name].card.canonical, len({feature.channel_name for feature in features}), mirrors)
            for (name, mirrors), features in self._runs().items()
        ]

    def find_dense(self, volume: Tensor) -> None:
        """Very dense matter, in the normalised volume: clipping will hide it."""
        for feature in self._recipe.feature:
            if isinstance(feature, DenseFeature):
                grow = feature.grow_angstrom / self._voxel_size
                mask = dense(volume, deviations=feature.deviations, grow_voxels=grow)
                self._found[feature.name] = self.grid.bring(mask)

    def show_networks(self, clipped: Tensor) -> None:
        """What the networks are to see, of the clipped volume: denoising will change it."""
        for name, model in self._networks.items():
            self._seen[name] = to_canonical(
                clipped, voxel_size_angstrom=self._voxel_size, canonical=model.card.canonical, blank=self.blank
            )

    def make(self, denoised: Tensor) -> dict[str, Tensor]:
        """Every feature's map, 0..1 (z, y, x) on the grid, of whatever type holds it best; 0 of an unfit network."""
        for name in self.unfit:
            self._found[name] = torch.zeros((), device=denoised.device).expand(self.grid.shape_zyx)
        for feature in self._recipe.feature:
            if isinstance(feature, BlobFeature):
                diameter = feature.diameter_angstrom / self._voxel_size
                probability = blob(denoised, diameter_voxels=diameter, blank=self.blank)
            elif isinstance(feature, RidgeFeature):
                scales = tuple(scale / self._voxel_size for scale in feature.scales_angstrom)
                probability = ridge(denoised, sigmas_voxels=scales, blank=self.blank)
            else:
                continue
            self._found[feature.name] = self.grid.bring(probability)
        for (name, mirrors), features in self._runs().items():
            self._run(self._networks[name], self._seen[name], mirrors, features)
        self._seen.clear()
        nothing = None if self.blank is None else on_grid(self.blank, self.grid.shape_zyx)
        return {
            feature.name: _sound(feature.name, self._found[feature.name], nothing) for feature in self._recipe.feature
        }

    def _run(self, model: Model, seen: Tensor, mirrors: int, features: list[NetworkFeature]) -> None:
        asked = tuple(dict.fromkeys(feature.channel_name for feature in features))
        room = self._models.room
        found = segment_canonical(model, seen, self._shape, mirrors=mirrors, room=room, features=asked)
        for feature in features:
            self._found[feature.name] = self.grid.bring(found.at_canonical(feature.channel_name))
            if found.agreement:
                self.mirror_agreement[feature.name] = found.agreement[found.features.index(feature.channel_name)]

    def _runs(self) -> dict[tuple[str, int], list[NetworkFeature]]:
        """The features that one run of a network serves."""
        runs: dict[tuple[str, int], list[NetworkFeature]] = {}
        for feature in self._by_network():
            if feature.name in self.unfit:
                continue
            runs.setdefault((self._package[feature.name][0], feature.mirrors), []).append(feature)
        return runs

    def _suited(self, feature: NetworkFeature) -> tuple[str, str]:
        """The package for a tomogram with such voxels, and its digest."""
        if feature.coarse_model is not None:
            finest = self._models.get(feature.model, feature.sha256).card.voxel_size_angstrom
            if self._voxel_size > finest:
                return feature.coarse_model, feature.coarse_sha256
        return feature.model, feature.sha256

    def _by_network(self) -> Iterator[NetworkFeature]:
        return (feature for feature in self._recipe.feature if isinstance(feature, NetworkFeature))

    def _grid(self) -> Grid:
        if not self._networks:
            return Grid(self._shape, self._voxel_size, self._shape)
        finest = min((model.card.canonical for model in self._networks.values()), key=lambda c: c.voxel_size_angstrom)
        shape = canonical_shape(torch.Size(self._shape), self._voxel_size, finest)
        return Grid(shape, finest.voxel_size_angstrom, self._shape)


def _sound(name: str, probability: Tensor, blank: Tensor | None) -> Tensor:
    """The map with nothing where the tomogram is blank.

    Raises:
        MapNotFinite: it has values that are not numbers, which would pass every threshold or none.
    """
    # The sum is finite only where every value is; as much work as one look, and no memory.
    if not math.isfinite(float(probability.sum(dtype=torch.float32))):
        raise MapNotFinite(name)
    return probability if blank is None else probability.masked_fill(blank, 0)
