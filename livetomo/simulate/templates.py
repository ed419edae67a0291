"""Particles from density maps that the user gives."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter

from livetomo.core.errors import ConfigurationError
from livetomo.formats.mrc import read_volume
from livetomo.simulate.shapes import PIXEL_WIDENING, Matrix, Shape, cube_radius
from livetomo.simulate.truth import Floats

OUTLINE = 0.25
"""The share of a map's 99.9th percentile from which on a voxel counts as the particle's."""


@dataclass(frozen=True, slots=True)
class MapShape:
    """A particle's density map, protein about 1, around its centre of mass; (z, y, x)."""

    name: str
    diameter_angstrom: float
    density: Floats
    map_voxel_size_angstrom: float
    centre: Matrix
    scale: float = 1.0
    _smooth: dict[float, Floats] = field(default_factory=dict, repr=False)

    def scaled(self, scale: float) -> "MapShape":
        """The same, larger or smaller: another species, or another microscope's calibration."""
        return MapShape(
            self.name, self.diameter_angstrom * scale, self.density, self.map_voxel_size_angstrom, self.centre, scale
        )

    def draw(self, rotation: Matrix, voxel_size_angstrom: float, offset: Matrix) -> Floats:
        """See `Shape`."""
        radius = cube_radius(self.diameter_angstrom, voxel_size_angstrom)
        side = 2 * radius + 1
        ratio = voxel_size_angstrom / (self.map_voxel_size_angstrom * self.scale)
        turn = rotation.T[::-1, ::-1] * ratio  # from the cube's (z, y, x) to the map's
        start = self.centre - turn @ (radius + offset)
        drawn: Floats = affine_transform(self._at(ratio), turn, start, (side, side, side), order=1, prefilter=False)
        return drawn

    def _at(self, ratio: float) -> Floats:
        """The map without what a voxel of this many of its own cannot show, made once for each."""
        if ratio not in self._smooth:
            self._smooth.clear()
            self._smooth[ratio] = gaussian_filter(self.density, PIXEL_WIDENING * ratio, mode="constant")
        return self._smooth[ratio]


def load_templates(folder: Path) -> dict[str, Shape]:
    """The maps (`*.mrc`; density bright, solvent about 0) in `folder`, by their files' stems.

    Raises:
        ConfigurationError: there is none, or one that shows no particle.
    """
    paths = sorted(folder.glob("*.mrc"))
    if not paths:
        raise ConfigurationError(f"{folder}: there is no density map (*.mrc). Give a folder with one map per particle.")
    return {path.stem: _load(path) for path in paths}


def _load(path: Path) -> MapShape:
    volume = read_volume(path)
    density: Floats = volume.voxels.astype(np.float32)
    size = volume.header.voxel_size(path)
    high = float(np.percentile(density, 99.9))
    outline = density > OUTLINE * high
    if high <= 0 or not outline.any():
        raise ConfigurationError(f"{path}: shows no particle. A template is a map of bright density on about zero.")
    density = (np.maximum(density, 0) / density[outline].mean()).astype(np.float32)
    where = np.argwhere(outline)
    centre = where.mean(axis=0)
    reach = float(np.percentile(np.linalg.norm(where - centre, axis=1), 99.5)) + 1
    return MapShape(path.stem, 2 * reach * size, density, size, centre)
