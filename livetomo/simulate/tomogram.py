"""A whole simulated tomogram: what was in the ice, how it was imaged, and what came out."""

from dataclasses import dataclass

import numpy as np

from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.microscope import Microscope, SimulatedReconstruction, image
from livetomo.simulate.random_cell import Library, random_microscope, random_specimen
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import draw
from livetomo.simulate.truth import Truth


@dataclass(frozen=True, slots=True)
class Simulated:
    """A tomogram of which everything is known."""

    seed: int
    geometry: TomogramGeometry
    slab: IceSlab
    microscope: Microscope
    reconstruction: SimulatedReconstruction
    truth: Truth


def simulate_cell(
    seed: int, geometry: TomogramGeometry, *, library: Library | None = None, snr: tuple[float, float] = (0.05, 0.5)
) -> Simulated:
    """A piece of a cell at random. The same seed gives the same, on the same version of everything.

    snr: the range that the views' signal-to-noise ratio is drawn from; see `Microscope`.
    """
    rng = np.random.default_rng([seed, 0])
    specimen = random_specimen(rng, geometry, library or Library())
    density, truth = draw(specimen, geometry, seed)
    microscope = random_microscope(rng, snr)
    reconstruction = image(density, geometry.voxel_size_angstrom, microscope, seed)
    return Simulated(seed, geometry, specimen.slab, microscope, reconstruction, truth)
