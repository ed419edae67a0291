"""A tomogram through a network: one probability map for each of its features."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from livetomo.models.network import Network, folded
from livetomo.models.package import Model
from livetomo.stages.segment.canonical import from_canonical, to_canonical
from livetomo.stages.segment.centres import RIBOSOME_RADIUS_ANGSTROM, centred
from livetomo.stages.segment.tiles import tiled

MOST_VOXELS_CPU = 3_100_000
"""In one tile: 16 channels of that take 200 MB, of which several are held at once."""
MOST_VOXELS_GPU = 100_000_000


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a network says of a tomogram. maps: float16 (features, z, y, x), at the canonical voxel size."""

    features: tuple[str, ...]
    maps: Tensor
    voxel_size_angstrom: float
    shape_zyx: tuple[int, int, int]

    def at_canonical(self, feature: str) -> Tensor:
        """The map as the network made it, 0..1; ribosomes' peak at their centres."""
        probability = self.maps[self.features.index(feature)].float()
        if feature == "ribosome":
            return centred(probability, radius_voxels=RIBOSOME_RADIUS_ANGSTROM / self.voxel_size_angstrom)
        return probability

    def on_input(self, feature: str) -> Tensor:
        """The map on the grid of the tomogram, float32."""
        return from_canonical(self.at_canonical(feature), self.shape_zyx)


def segment(model: Model, density: Tensor, *, voxel_size_angstrom: float, mirrors: bool = False) -> Segmentation:
    """Run a model over a tomogram, on the device that `density` is on, which is the model's.

    density: normalised and clipped, not otherwise filtered, matter positive, (z, y, x).
    mirrors: average over the eight mirror images, at eight times the cost.
    """
    card = model.card
    z, y, x = density.shape
    with torch.inference_mode():
        seen = to_canonical(density, voxel_size_angstrom=voxel_size_angstrom, canonical=card.canonical)
        maps = _maps(folded(model.network), seen, mirrors)
    return Segmentation(card.features, maps, card.voxel_size_angstrom, (z, y, x))


def _maps(network: Network, seen: Tensor, mirrors: bool) -> Tensor:
    on_gpu = seen.device.type == "cuda"
    layout = network.layout
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # torch's stubs lack it

    def answer(tile: Tensor) -> Tensor:
        with torch.autocast(seen.device.type, torch.bfloat16, enabled=on_gpu):
            logits: Tensor = network(tile.contiguous(memory_format=torch.channels_last_3d))
        return logits.float().sigmoid_()

    total = None
    views = list(_mirrors() if mirrors else [()])
    for axes in views:
        maps = tiled(
            answer,
            seen.flip(axes) if axes else seen,
            channels=len(layout.features),
            halo=layout.halo,
            multiple=layout.multiple,
            most_voxels=MOST_VOXELS_GPU if on_gpu else MOST_VOXELS_CPU,
        )
        maps = maps.flip([axis + 1 for axis in axes]) if axes else maps
        total = maps if total is None else total.add_(maps)
    assert total is not None
    return total.div_(len(views)) if len(views) > 1 else total


def _mirrors() -> Iterator[tuple[int, ...]]:
    """Every set of axes that a volume can be mirrored along."""
    for chosen in product((False, True), repeat=3):
        yield tuple(axis for axis in range(3) if chosen[axis])
