"""A tomogram through a network, in little memory where need be: one probability map for each of its features."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

from livetomo.processing.networks.package import Model
from livetomo.processing.networks.tile_memory import TileRoom, has_bfloat16
from livetomo.processing.networks.unet import Network, folded
from livetomo.processing.segment.canonical import to_canonical
from livetomo.processing.segment.centres import centred
from livetomo.processing.segment.tiles import largest_tile, tiled

MOST_VOXELS_CPU = 1_500_000
"""At full resolution at once: 16 channels of that take 96 MB, of which several are held."""
MOST_VOXELS_GPU = 100_000_000
TILE = 7
"""A tile may be so many times larger than what is held at full resolution: see `slabs`."""
_REACH = 2  # of a block's two convolutions


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a network says of a tomogram.

    maps: float16 (features, z, y, x), at the canonical voxel size.
    centre_radii_angstrom: of the features whose maps show spheres around particles' centres, by their names.
    agreement: of each feature, how far its answer to the tomogram as it is agrees with the mean over the mirror images
        (intersection over union of probabilities: the sum of the lesser over that of the greater); empty without these.
    """

    features: tuple[str, ...]
    maps: Tensor
    voxel_size_angstrom: float
    centre_radii_angstrom: Mapping[str, float]
    agreement: tuple[float, ...] = ()

    def at_canonical(self, feature: str) -> Tensor:
        """The map as the network made it, 0..1, float16; one of spheres peaks at their centres, float32."""
        probability = self.maps[self.features.index(feature)]
        if feature in self.centre_radii_angstrom:
            radius = self.centre_radii_angstrom[feature]
            return centred(probability, radius_voxels=radius / self.voxel_size_angstrom)
        return probability


def segment(
    model: Model, density: Tensor, *, voxel_size_angstrom: float, mirrors: int = 1, room: TileRoom | None = None
) -> Segmentation:
    """Run a model over a tomogram, on the device that `density` is on, which is the model's.

    density: normalised and clipped, not otherwise filtered, matter positive, (z, y, x).
    mirrors: average over the volume and its mirror images, 2, 4 or 8 in all, at so many times the cost.
    """
    with torch.inference_mode():
        seen = to_canonical(density, voxel_size_angstrom=voxel_size_angstrom, canonical=model.card.canonical)
        return segment_canonical(model, seen, mirrors=mirrors, room=room or TileRoom())


def segment_canonical(
    model: Model, seen: Tensor, *, mirrors: int, room: TileRoom, features: tuple[str, ...] | None = None
) -> Segmentation:
    """The same of a tomogram that `to_canonical` has prepared for the model; of `features` alone."""
    with torch.inference_mode():
        network = folded(model.network, features)
        network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # torch's stubs lack it
        maps, agreement = _maps(
            network, seen, mirrors, partial(room.run, (model.sha256, features, *seen.shape, str(seen.device)))
        )
    card = model.card
    return Segmentation(network.layout.features, maps, card.voxel_size_angstrom, card.centre_radii_angstrom, agreement)


def _maps(
    network: Network,
    seen: Tensor,
    mirrors: int,
    fitting: Callable[[int, Callable[[int], int], Callable[[int], Tensor]], Tensor],
) -> tuple[Tensor, tuple[float, ...]]:
    """The mean over the views, and how far the answer to the volume as it is agrees with it.

    fitting: runs with a limit for tiles, and with smaller ones where memory runs out.
    """
    on_gpu = seen.device.type == "cuda"
    layout = network.layout
    z, y, x = seen.shape

    def run(view: Tensor, most: int) -> Tensor:
        def answer(tile: Tensor) -> Tensor:
            with torch.autocast(seen.device.type, torch.bfloat16, enabled=has_bfloat16(seen.device)):
                return in_slabs(network, tile.contiguous(memory_format=torch.channels_last_3d), most_voxels=most)

        return tiled(
            answer,
            view,
            channels=len(layout.features),
            halo=layout.halo,
            multiple=layout.multiple,
            most_voxels=TILE * most,
        )

    def held(most: int) -> int:
        tile = largest_tile((z, y, x), halo=layout.halo, multiple=layout.multiple, most_voxels=TILE * most)
        z_tile, y_tile, x_tile = tile
        slab = min(z_tile, planes_of(tile, most)) * y_tile * x_tile
        return max(slab, math.prod(tile) // TILE)

    views = list(_mirrors())[:mirrors]
    total = maps = None
    for axes in reversed(views):  # the volume as it is comes last: its answer is compared with the mean
        view = seen.flip(axes) if axes else seen
        maps = fitting(MOST_VOXELS_GPU if on_gpu else MOST_VOXELS_CPU, held, partial(run, view))
        maps = maps.flip([axis + 1 for axis in axes]) if axes else maps
        total = maps if total is None else total.add_(maps)
    assert total is not None
    assert maps is not None
    if mirrors == 1:
        return total, ()
    total.div_(len(views))
    return total, tuple(_agreement(one, mean) for one, mean in zip(maps, total, strict=True))


def _agreement(one: Tensor, other: Tensor) -> float:
    """Of two maps 0..1; of two that hold nothing, 1."""
    lesser = sum(float(torch.minimum(a, b).float().sum()) for a, b in zip(one, other, strict=True))
    greater = sum(float(torch.maximum(a, b).float().sum()) for a, b in zip(one, other, strict=True))
    return lesser / greater if greater else 1.0


def _mirrors() -> Iterator[tuple[int, ...]]:
    """Every set of axes that a volume can be mirrored along, none of them first."""
    for chosen in product((False, True), repeat=3):
        yield tuple(axis for axis in range(3) if chosen[axis])


def in_slabs(network: Network, volume: Tensor, *, most_voxels: int, dtype: torch.dtype = torch.float16) -> Tensor:
    """Probabilities (1, features, z, y, x) of `dtype` of a volume (1, 1, z, y, x) whose extents suit the network.

    The highest level is run slab by slab, the lower ones whole; the answer is the same, in less memory than by tiles. A
    tile needs a margin as wide as the whole network sees, 56 voxels for four levels, and most of that is what the
    lowest levels see. These are small: each has an eighth of the voxels of the one above. The highest level alone, two
    convolutions down and two up, sees two voxels at a time.

    A slab has at most `most_voxels`, margins not counted, or two sections where these are more.
    """
    shape = volume.shape[2:]
    planes = planes_of(shape, most_voxels)
    out = torch.empty((1, len(network.layout.features), *shape), dtype=dtype, device=volume.device)
    if planes >= shape[0] or network.layout.levels == 1:
        return out.copy_(network(volume).float().sigmoid_())
    slabs = [(first, min(first + planes, shape[0])) for first in range(0, shape[0], planes)]
    below = _lower(network, torch.cat([functional.max_pool3d(_top(network, volume, *slab), 2) for slab in slabs], 2))
    for first, last in slabs:
        low, high = max(0, first - _REACH), min(shape[0], last + _REACH)
        coarse = network.narrow[-1](below[:, :, low // 2 : high // 2])
        x = functional.interpolate(coarse, scale_factor=2, mode="nearest").add_(_top(network, volume, low, high))
        x = network.up[-1](x)[:, :, first - low : last - low]
        out[:, :, first:last] = network.head(x).float().sigmoid_()
    return out


def planes_of(shape: tuple[int, ...], most_voxels: int) -> int:
    """How many sections a slab has: an even number, so that it can be pooled."""
    return max(2, min(shape[0], most_voxels // (shape[1] * shape[2])) // 2 * 2)


def _top(network: Network, volume: Tensor, first: int, last: int) -> Tensor:
    """What the highest level makes of these sections on the way down."""
    low, high = max(0, first - _REACH), min(volume.shape[2], last + _REACH)
    answer: Tensor = network.down[0](volume[:, :, low:high])
    return answer[:, :, first - low : last - low]


def _lower(network: Network, pooled: Tensor) -> Tensor:
    """What all levels but the highest make of its pooled answer."""
    skips: list[Tensor] = []
    x = pooled
    for number, block in enumerate(list(network.down)[1:]):
        x = block(functional.max_pool3d(x, 2) if number else x)
        skips.append(x)
    skips.pop()
    for narrow, block in zip(list(network.narrow)[:-1], list(network.up)[:-1], strict=True):
        x = block(functional.interpolate(narrow(x), scale_factor=2, mode="nearest").add_(skips.pop()))
    return x
