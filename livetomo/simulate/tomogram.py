"""A whole simulated tomogram: what was in the ice, how it was imaged, and what came out."""

from dataclasses import dataclass, replace

import numpy as np

from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.microscope import Microscope, SimulatedReconstruction, image
from livetomo.simulate.negatives import cell_with_negatives, null_specimen
from livetomo.simulate.random_cell import Library, random_microscope, random_specimen
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, draw
from livetomo.simulate.truth import Truth

SNR = (0.05, 0.5)


@dataclass(frozen=True, slots=True)
class Simulated:
    """A tomogram of which everything is known. specimen: `cell`, or which null specimen it is."""

    seed: int
    geometry: TomogramGeometry
    slab: IceSlab
    microscope: Microscope
    reconstruction: SimulatedReconstruction
    truth: Truth
    specimen: str = "cell"


def simulate_cell(
    seed: int, geometry: TomogramGeometry, *, library: Library | None = None, snr: tuple[float, float] = SNR
) -> Simulated:
    """A piece of a cell at random. The same seed gives the same, on the same version of everything.

    snr: the range that the views' signal-to-noise ratio is drawn from; see `Microscope`.
    """
    rng = np.random.default_rng([seed, 0])
    return _taken(random_specimen(rng, geometry, library or Library()), rng, seed, geometry, snr)


def simulate_lookalikes(
    seed: int, geometry: TomogramGeometry, *, library: Library | None = None, snr: tuple[float, float] = SNR
) -> Simulated:
    """As `simulate_cell`, crowded also with what looks like a membrane or a ribosome and is none."""
    rng = np.random.default_rng([seed, 0])
    return _taken(cell_with_negatives(rng, geometry, library or Library()), rng, seed, geometry, snr)


def simulate_null(seed: int, geometry: TomogramGeometry, name: str, *, snr: tuple[float, float] = SNR) -> Simulated:
    """A tomogram without membranes and ribosomes: one of `NULLS`. The same seed gives the same."""
    rng = np.random.default_rng([seed, 0])
    return replace(_taken(null_specimen(rng, geometry, name), rng, seed, geometry, snr), specimen=name)


def _taken(
    specimen: Specimen, rng: np.random.Generator, seed: int, geometry: TomogramGeometry, snr: tuple[float, float]
) -> Simulated:
    density, truth = draw(specimen, geometry, seed)
    microscope = random_microscope(rng, snr)
    reconstruction = image(density, geometry.voxel_size_angstrom, microscope, seed)
    return Simulated(seed, geometry, specimen.slab, microscope, reconstruction, truth)
