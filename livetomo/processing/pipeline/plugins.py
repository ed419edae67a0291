"""Denoisers and segmenters of other packages: what they are asked, and the checks of what they answer."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from livetomo.config.recipe.denoise import PluginDenoise
from livetomo.config.recipe.features import PluginFeature
from livetomo.core.errors import PluginAway, PluginFailed
from livetomo.core.geometry import TomogramGeometry
from livetomo.processing.pipeline.device_faults import is_of_device
from livetomo.system.plugins import Plugin
from livetomo.system.registries import REGISTRIES

Volume = npt.NDArray[np.float32]


class Denoiser(Protocol):
    """Made once for a worker's life, with the recipe's settings as named arguments."""

    def denoise(self, density: Volume, geometry: TomogramGeometry, device: str) -> Volume:
        """The denoised volume, of the same shape, on any scale; dense matter stays positive.

        density: (z, y, x), read-only; median 0 and robust deviation 1, clipped, dense matter positive.
        geometry: the tomogram's. device: "cpu", "cuda:0", ….
        """
        ...


class Segmenter(Protocol):
    """Made once for a worker's life, with the recipe's settings as named arguments."""

    def segment(
        self, density: Volume, geometry: TomogramGeometry, features: Sequence[str], device: str
    ) -> Mapping[str, npt.NDArray[Any]]:
        """For each of the features, by name, how probably each voxel belongs to it: 0 to 1, or booleans.

        A map is (z, y, x) on any grid over the whole volume, coarser or finer, the first voxels on each other.
        density, geometry, device: as for `Denoiser`.
        """
        ...


def denoised_by_plugin(density: Tensor, rule: PluginDenoise, geometry: TomogramGeometry) -> Tensor:
    """The volume as the recipe's plug-in denoises it, on the scale that it gives.

    Raises:
        PluginFailed: it raised an error, or did not return such a volume.
        PluginAway: it is not installed any more, or is another version.
    """
    plugin = _installed("denoiser", rule.method, rule.package)
    with plugin.border(is_of_device):
        denoiser: Denoiser = _made(plugin, json.dumps(rule.settings, sort_keys=True))
        answer = denoiser.denoise(_read_only(density), geometry, str(density.device))
        return _checked(plugin, "the volume", answer, tuple(density.shape)).to(density.device)


def maps_of_plugin(density: Tensor, features: Sequence[PluginFeature], geometry: TomogramGeometry) -> dict[str, Tensor]:
    """By feature, the map that a plug-in finds; the features are of one plug-in with the same settings.

    Raises: as `denoised_by_plugin`.
    """
    first = features[0]
    plugin = _installed("segmenter", first.model, first.package)
    asked = tuple(dict.fromkeys(feature.channel_name for feature in features))
    with plugin.border(is_of_device):
        segmenter: Segmenter = _made(plugin, json.dumps(first.settings, sort_keys=True))
        answers = segmenter.segment(_read_only(density), geometry, asked, str(density.device))
        maps = {name: _checked(plugin, f'the map of "{name}"', answers.get(name), None) for name in asked}
    for name, probability in maps.items():
        low, high = map(float, torch.aminmax(probability))
        if not (low >= 0 and high <= 1):
            raise PluginFailed(str(plugin), f'the map of "{name}" has values from {low:g} to {high:g}, not 0 to 1')
    return {feature.name: maps[feature.channel_name].to(density.device) for feature in features}


def _installed(kind: str, name: str, package: str) -> Plugin:
    plugin = REGISTRIES[kind].plugin(name)
    if plugin is None or plugin.package != package:
        now = plugin.package if plugin else "livetomo"
        raise PluginAway(f'the recipe was read with the {kind} "{name}" of {package}; it is of {now} now')
    return plugin


@cache
def _made(plugin: Plugin, settings: str) -> Any:
    return REGISTRIES[plugin.kind][plugin.name](**json.loads(settings))


def _read_only(density: Tensor) -> Volume:
    voxels: Volume = density.cpu().numpy()
    voxels.flags.writeable = False
    return voxels


def _checked(plugin: Plugin, what: str, answer: Any, shape: tuple[int, ...] | None) -> Tensor:
    """float32 (z, y, x), finite, and nobody else's."""
    if not isinstance(answer, np.ndarray) or answer.ndim != 3 or answer.dtype.kind not in "fb" or not answer.size:
        kind = f"{answer.dtype} {answer.shape}" if isinstance(answer, np.ndarray) else type(answer).__name__
        raise PluginFailed(str(plugin), f"{what} is {kind}, not an array (z, y, x) of floats or booleans")
    if shape is not None and answer.shape != shape:
        raise PluginFailed(str(plugin), f"{what} has the shape {answer.shape}, not {shape}")
    found = torch.from_numpy(np.require(answer, np.float32, ["C", "W"]))
    if not bool(found.isfinite().all()):
        raise PluginFailed(str(plugin), f"{what} has values that are not finite")
    return found
