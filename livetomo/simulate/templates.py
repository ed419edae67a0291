"""Particles from density maps that the user gives."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.ndimage import affine_transform, gaussian_filter

from livetomo.core.errors import ConfigurationError
from livetomo.core.particle_map import PROTEIN_DALTON_PER_ANGSTROM3, ParticleMap
from livetomo.processing.particle_map.read import map_name, map_paths, read_particle_map
from livetomo.simulate.shapes import PIXEL_WIDENING, Matrix, cube_radius
from livetomo.simulate.truth import Floats

_TAIL = 4.0  # how far a Gaussian reaches, in its own widths
_SAMPLES = 3  # voxels of the map that are left, at least, in one that is drawn


@dataclass(frozen=True, slots=True)
class MapShape:
    """A particle's map as a shape that can be drawn, at its own size or at another."""

    particle: ParticleMap
    scale: float = 1.0
    _smooth: dict[float, "_Smooth"] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What it is called."""
        return self.particle.name

    @property
    def diameter_angstrom(self) -> float:
        """Of the sphere that holds it."""
        return self.particle.diameter_angstrom * self.scale

    @property
    def mass_dalton(self) -> float:
        """Of what is drawn: as much of the same matter as fills its volume."""
        return self.particle.mass_dalton * self.scale**3

    def scaled(self, scale: float) -> "MapShape":
        """The same, larger or smaller: another species, or another microscope's calibration."""
        return MapShape(self.particle, scale)

    def draw(self, rotation: Matrix, voxel_size_angstrom: float, offset: Matrix) -> Floats:
        """See `Shape`; the cube holds the particle's mass whatever the voxel size."""
        radius = cube_radius(2 * self.particle.reach_angstrom * self.scale, voxel_size_angstrom)
        side = 2 * radius + 1
        ratio = voxel_size_angstrom / (self.particle.voxel_size_angstrom * self.scale)
        density, centre, step = self._at(ratio)
        turn = rotation.T[::-1, ::-1] * (ratio / step)  # from the cube's (z, y, x) to the map's
        drawn: Floats = affine_transform(
            density, turn, centre - turn @ (radius + offset), (side, side, side), order=1, prefilter=False
        )
        # Sampling a small particle by few voxels gains or loses some per cent.
        volume = self.mass_dalton / PROTEIN_DALTON_PER_ANGSTROM3
        drawn *= np.float32(volume / (float(drawn.sum(dtype=np.float64)) * voxel_size_angstrom**3))
        return drawn

    def _at(self, ratio: float) -> "_Smooth":
        """The map without what a voxel of this many of its own cannot show, made once for each."""
        if ratio not in self._smooth:
            self._smooth.clear()
            self._smooth[ratio] = _smoothed(self.particle, PIXEL_WIDENING * ratio, max(1, int(ratio / _SAMPLES)))
        return self._smooth[ratio]


class _Smooth(NamedTuple):
    """A map smoothed and binned: (z, y, x), its centre in voxels, and how many of the particle's voxels one is."""

    density: Floats
    centre: Matrix
    step: int


def _smoothed(particle: ParticleMap, sigma: float, step: int) -> _Smooth:
    """By a Gaussian of `sigma` voxels, of which binning, done first since it is quicker, is a part."""
    margin = step * int(np.ceil(_TAIL * sigma / step))
    padded = np.pad(particle.density, [(margin, margin + -n % step) for n in particle.density.shape])
    z, y, x = (n // step for n in padded.shape)
    binned = padded.reshape(z, step, y, step, x, step).mean(axis=(1, 3, 5))
    rest = float(np.sqrt(sigma**2 - (step**2 - 1) / 12)) / step
    density: Floats = gaussian_filter(binned, rest, mode="constant", truncate=_TAIL)
    return _Smooth(density, (particle.centre + margin + 0.5) / step - 0.5, step)


def load_templates(folder: Path, tables: Path | None = None) -> Mapping[str, MapShape]:
    """The density maps in `folder`, by their files' names without endings.

    tables: a file with a table `[NAME]` for each map that says its mass or its contour (see `read_particle_map`, which
    looks beside the maps too).

    Raises:
        ConfigurationError: there is none, or one that is no particle's, or of which neither mass nor contour is known.
    """
    paths = map_paths(folder)
    if not paths:
        raise ConfigurationError(f"{folder}: there is no density map (*.mrc). Give a folder with one map per particle.")
    twice = [name for name, times in Counter(map(map_name, paths)).items() if times > 1]
    if twice:
        raise ConfigurationError(f"{folder}: has two maps of the name {twice[0]}. Keep one of them.")
    return {map_name(path): MapShape(read_particle_map(path, tables=tables)) for path in paths}
