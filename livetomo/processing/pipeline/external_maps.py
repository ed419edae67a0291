"""Probability maps made by any program, as files: which feature of which tomogram they are, and on which scale."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from livetomo.core.errors import ConfigurationError, PathErrorWithCause, PermanentError, SourceUnreadable
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.voxel_size import WANTED, is_possible
from livetomo.formats.mrc import read_volume
from livetomo.formats.mrc_header import MrcHeader

SEPARATOR = "__"
_FULL_SCALE = {"i1": 127.0, "u1": 255.0, "u2": 255.0}


class NotAProbabilityMap(PathErrorWithCause, PermanentError, reason="not a probability map"):
    """The values of a map are on no scale that probabilities come in."""

    sentence = "{path.name} {why}. Maps hold 0 to 1 (floats), 0 to 127 (int8) or 0 to 255 (uint16), or are masks."


class MapsDiffer(PermanentError, reason="maps differ"):
    """The maps of one tomogram are not of one shape."""

    def __init__(self, path: Path, shape: tuple[int, ...], other: Path, other_shape: tuple[int, ...]) -> None:
        super().__init__(
            f"{path.name} is {shape} voxels (z, y, x), but {other.name} of the same tomogram {other_shape}."
        )


@dataclass(frozen=True, slots=True)
class Map:
    """float32 (z, y, x), 0..1, and where it lies."""

    path: Path
    probability: npt.NDArray[np.float32]
    header: MrcHeader


def sort_maps(paths: Iterable[Path], feature: str | None) -> dict[str, dict[str, Path]]:
    """The maps by tomogram and feature: `feature`, or else what follows `__` in the file's name, as Ais writes it.

    Raises:
        ConfigurationError: a feature is not known, or a tomogram has two maps of the same.
    """
    sorted_maps: dict[str, dict[str, Path]] = {}
    for path in paths:
        tomogram, separator, named = path.stem.partition(SEPARATOR)
        name = feature or named
        if not name:
            raise ConfigurationError(
                f"{path}: its feature is not known. Name it with --feature, or call the file "
                f"`<tomogram>{SEPARATOR}<feature>.mrc`"
            )
        there = sorted_maps.setdefault(tomogram if separator else path.stem, {})
        if name in there and there[name] != path:
            raise ConfigurationError(f"{path} and {there[name]} are both the map of {name} of {tomogram}")
        there[name] = path
    return sorted_maps


def read_map(path: Path) -> Map:
    """One map on the scale 0..1.

    Raises:
        PermanentError: what is wrong with the file or its values.
        SourceUnreadable: it cannot be read at the moment.
    """
    try:
        volume = read_volume(path)
    except OSError as fault:
        raise SourceUnreadable(path, fault.strerror or str(fault)) from fault
    lowest, highest = float(np.min(volume.voxels)), float(np.max(volume.voxels))
    if not np.isfinite([lowest, highest]).all():
        raise NotAProbabilityMap(path, "holds values that are not numbers")
    scale = _FULL_SCALE.get(volume.voxels.dtype.str[1:], 1.0)
    if scale > 1 and highest <= 1:
        scale = 1.0  # a mask
    if lowest < 0 or highest > scale * 1.001:
        raise NotAProbabilityMap(path, f"holds values from {lowest:g} to {highest:g}")
    probability = np.ascontiguousarray(volume.voxels, dtype=np.float32)
    if scale > 1:
        probability /= np.float32(scale)
    return Map(path, probability, volume.header)


def read_maps(paths: Mapping[str, Path]) -> dict[str, Map]:
    """The maps of one tomogram, by feature; all of one shape.

    Raises:
        PermanentError: what is wrong with a file or its values, or that they differ.
    """
    maps = {name: read_map(path) for name, path in paths.items()}
    first, *others = maps.values()
    for other in others:
        if other.probability.shape != first.probability.shape:
            raise MapsDiffer(other.path, other.probability.shape, first.path, first.probability.shape)
    return maps


def geometry(maps: Mapping[str, Map], said: float | None) -> TomogramGeometry:
    """Where they lie; the voxel size is what a person said, or else the header's.

    Raises:
        ConfigurationError: neither says one.
    """
    first = next(iter(maps.values()))
    size = said or first.header.voxel_size_xyz[0]
    if not is_possible(size):
        raise ConfigurationError(f"{first.path}: the header has no voxel size; say it with --voxel-size, {WANTED}")
    return first.header.geometry(size)
