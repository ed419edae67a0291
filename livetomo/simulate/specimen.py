"""What lies in the ice: a slab, membranes, particles and a crowd, drawn from a seed."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from livetomo.simulate.canvas import Canvas, Position
from livetomo.simulate.membranes import Bilayer, Surface
from livetomo.simulate.shapes import Shape
from livetomo.simulate.truth import Floats, Truth

TRIES_PER_PARTICLE = 40


@dataclass(frozen=True, slots=True)
class Slab:
    """The ice or lamella: its thickness, how far its middle lies off the volume's, and its slope (dz/dy, dz/dx)."""

    thickness_angstrom: float = 1200.0
    shift_angstrom: float = 0.0
    slope: tuple[float, float] = (0.0, 0.0)

    def depth(self, shape_zyx: Position, voxel_size_angstrom: float) -> Floats:
        """Å below (negative) or above its nearer face, (z, y, x): positive outside."""
        z, y, x = (
            (np.arange(n, dtype=np.float32) - np.float32((n - 1) / 2)) * np.float32(voxel_size_angstrom)
            for n in shape_zyx
        )
        middle = self.shift_angstrom + self.slope[0] * y[:, None] + self.slope[1] * x[None, :]
        depth: Floats = np.abs(z[:, None, None] - middle[None].astype(np.float32)) - np.float32(
            self.thickness_angstrom / 2
        )
        return depth


@dataclass(frozen=True, slots=True)
class Population:
    """Particles of one shape. `feature` is what they are called in the truth; None for the crowd around them."""

    shape: Shape
    count: int
    feature: str | None = None
    contrast: float = 1.0


@dataclass(frozen=True, slots=True)
class Specimen:
    """What lies in the ice. `crowding`: standard deviation of the cytosol's unresolved density; a protein is 1."""

    slab: Slab = field(default_factory=Slab)
    membranes: tuple[tuple[Surface, Bilayer], ...] = ()
    populations: tuple[Population, ...] = ()
    crowding: float = 0.1
    crowding_angstrom: float = 25.0


def draw(specimen: Specimen, shape_zyx: Position, voxel_size_angstrom: float, seed: int) -> tuple[Floats, Truth]:
    """The density (protein 1, solvent 0; z, y, x) and what it contains. The same seed draws the same."""
    rng = np.random.default_rng([seed, 1])
    canvas = Canvas(shape_zyx, voxel_size_angstrom)
    depth = specimen.slab.depth(shape_zyx, voxel_size_angstrom)
    within = depth < 0
    for surface, bilayer in specimen.membranes:
        canvas.add_membrane(surface, bilayer, within)
    for population in specimen.populations:
        _place(canvas, population, depth, rng)
    canvas.density += _crowd(specimen, canvas, rng) * np.clip(0.5 - depth / voxel_size_angstrom, 0, 1)
    return canvas.density, canvas.truth()


def _place(canvas: Canvas, population: Population, depth: Floats, rng: np.random.Generator) -> None:
    """Put particles at random where they fit: whole within the slab and the volume, apart from what is there."""
    shape, voxel = population.shape, canvas.voxel_size_angstrom
    radius = shape.diameter_angstrom / 2
    margin = radius / voxel
    low = np.minimum(margin, (np.array(canvas.shape) - 1) / 2)
    high = np.array(canvas.shape) - 1 - low
    placed = 0
    for _ in range(population.count * TRIES_PER_PARTICLE):
        if placed == population.count:
            return
        position = rng.uniform(low, high)
        at = np.rint(position).astype(int)
        if depth[tuple(at)] > -0.8 * radius or canvas.taken[tuple(at)]:
            continue
        rotation = Rotation.random(rng=rng)
        cube = population.contrast * shape.draw(rotation.as_matrix(), voxel, position - at)
        euler = rotation.as_euler("ZYZ", degrees=True)
        here = (int(at[0]), int(at[1]), int(at[2]))
        placed += canvas.try_particle(cube, here, position=position, euler=euler, feature=population.feature)


def _crowd(specimen: Specimen, canvas: Canvas, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    noise = rng.standard_normal(canvas.shape, dtype=np.float32)
    noise = gaussian_filter(noise, specimen.crowding_angstrom / canvas.voxel_size_angstrom, mode="wrap")
    crowd: npt.NDArray[np.float32] = noise * np.float32(specimen.crowding / max(float(noise.std()), 1e-9))
    crowd[canvas.taken] *= 0.3
    return crowd
