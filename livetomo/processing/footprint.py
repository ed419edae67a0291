"""How much memory a tomogram will take, before any of it is taken."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from livetomo.config.model_card import Canonical
from livetomo.config.recipe.denoise import BesideDenoise, Deconvolve, PluginDenoise, TotalVariation, Wiener
from livetomo.config.recipe.features import BlobFeature, NetworkFeature, PluginFeature, RidgeFeature
from livetomo.config.recipe.recipe import Recipe
from livetomo.core.geometry import TomogramGeometry
from livetomo.processing.denoise.radial_filter import MARGIN
from livetomo.processing.networks.inference import MOST_VOXELS_CPU, TILE
from livetomo.processing.segment.canonical import canonical_shape, margins
from livetomo.processing.segment.weight_free import SECTIONS

Shape = tuple[int, int, int]

# Bytes a voxel, and bytes in all, as measured (tests/processing/test_footprint.py holds the measurements).
_FLOAT = 4
_RIDGE = 25
_RIDGE_OF_SECTIONS = 88
_PICKING = 12
_FILTERING = 10
_MATCHING = 300_000_000
_TOTAL_VARIATION = 20
_BESIDE = 18
_NETWORK_OF_SLAB = 250
_NETWORK_OF_TILE = 25
_SAMPLING = 20
_MOST_SAMPLES = 70_000_000


@dataclass(frozen=True, slots=True)
class NetworkRun:
    """A network's run: what its input is brought to, how many features it is asked for, over how many mirror images.

    decoys: how many of the features are looked for in a decoy too.
    """

    canonical: Canonical
    features: int
    mirrors: int
    decoys: int = 0


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes that a tomogram takes at most, beyond what the process holds anyhow.

    device: on the device, of which the CPU's is the main memory. host: of main memory where the device has its own.
    network_voxels: of the largest grid that a network sees; 0 without any.
    """

    device: int
    host: int
    network_voxels: int


def footprint(
    tomogram: TomogramGeometry, voxel_bytes: int, recipe: Recipe, runs: Sequence[NetworkRun], *, on_gpu: bool
) -> Footprint:
    """Of such a tomogram, its voxels stored in so many bytes each.

    Each stage's largest arrays, counted; measured peaks are 0.65 to 1.03 times as high. On a GPU tiles are as small as
    they have to be, and count for nothing.
    """
    shape = tomogram.shape_zyx
    voxels = math.prod(shape)
    grids = [canonical_shape(shape, tomogram.voxel_size_angstrom, run.canonical) for run in runs]
    seen = _FLOAT * sum(math.prod(grid) for grid in grids)
    maps = sum(
        2 * math.prod(grid) * (run.features + run.decoys) * min(run.mirrors, 2)
        for grid, run in zip(grids, runs, strict=True)
    )
    volume = _FLOAT * voxels
    stages = [
        volume * (1 if on_gpu else 2) + voxel_bytes * voxels * (not on_gpu),
        volume + seen + max((_canonical(shape, grid) for grid in grids), default=0),
        volume + seen + _matching(shape, recipe),
        volume + seen + _denoising(shape, recipe),
        volume + seen + _methods(shape, recipe),
        volume + seen + _decoys(shape, recipe),
        volume + seen + maps + (0 if on_gpu else max((_network(math.prod(grid)) for grid in grids), default=0)),
        volume + maps + _picking(max(map(math.prod, grids), default=voxels), recipe),
    ]
    host = volume * 2 + voxel_bytes * voxels if on_gpu else 0
    return Footprint(
        max(stages) + min(_SAMPLING * voxels, _MOST_SAMPLES), host, max((math.prod(grid) for grid in grids), default=0)
    )


def _canonical(shape: Shape, grid: Shape) -> int:
    """The mirrored volume, its spectrum, and the same at another voxel size."""
    mirrored = [n + sum(margins(n, m)) for n, m in zip(shape, grid, strict=True)]
    scale = [m / n for n, m in zip(shape, grid, strict=True)]
    before = _FLOAT * math.prod(mirrored)
    after = _FLOAT * math.prod(n * s for n, s in zip(mirrored, scale, strict=True))
    return round(max(before * (2 + min(scale[0], 1.0)), before + 3 * after))


def _matching(shape: Shape, recipe: Recipe) -> int:
    """What it takes beside the volume to filter it for picks that are compared with a map: parts of its transform."""
    return _FILTERING * math.prod(shape) if _compares(recipe) else 0


def _picking(voxels: int, recipe: Recipe) -> int:
    """What it takes beside maps of so many voxels; candidates that are compared with a map take more, in blocks."""
    return _PICKING * voxels + (_MATCHING if _compares(recipe) else 0)


def _compares(recipe: Recipe) -> bool:
    return any(rule.refine for rule in recipe.pick)


def _denoising(shape: Shape, recipe: Recipe) -> int:
    match recipe.denoise:
        case BesideDenoise(otherwise="tv"):
            return _TOTAL_VARIATION * math.prod(shape)
        case BesideDenoise():
            return _BESIDE * math.prod(shape)
        case PluginDenoise():
            return 2 * _FLOAT * math.prod(shape)
        case TotalVariation():
            return _TOTAL_VARIATION * math.prod(shape)
        case Deconvolve() | Wiener():
            return 3 * _FLOAT * math.prod(n + 2 * MARGIN for n in shape)
        case _:
            return 0


def _methods(shape: Shape, recipe: Recipe) -> int:
    """What the methods without a network take beside the volume; what plug-ins take is not known, and may be more."""
    voxels, plane = math.prod(shape), math.prod(shape[1:])
    if any(isinstance(feature, RidgeFeature) for feature in recipe.feature):
        return (_RIDGE - _FLOAT) * voxels + _RIDGE_OF_SECTIONS * plane * min(shape[0], SECTIONS + 4)
    others = any(isinstance(feature, BlobFeature | PluginFeature) for feature in recipe.feature)
    return 4 * _FLOAT * voxels if others else 0


def _decoys(shape: Shape, recipe: Recipe) -> int:
    """What looking for decoys without a network takes beside the volume: that inverted, and the features' maps."""
    wanted = {rule.feature for rule in recipe.pick if rule.wants_decoys}
    features = [feature for feature in recipe.feature if not isinstance(feature, NetworkFeature)]
    decoyed = [feature for feature in features if feature.name in wanted]
    if not decoyed:
        return 0
    alone = recipe.model_copy(update={"feature": tuple(decoyed)})
    return _FLOAT * math.prod(shape) * (1 + len(features)) + _methods(shape, alone)


def _network(voxels: int) -> int:
    """What a network holds while it works at a tile."""
    return _NETWORK_OF_SLAB * min(voxels, MOST_VOXELS_CPU) + _NETWORK_OF_TILE * min(voxels, TILE * MOST_VOXELS_CPU)
