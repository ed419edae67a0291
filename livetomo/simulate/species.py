"""Several kinds of particles in one piece of ice, among what is usually there: to train and to test pickers with."""

from dataclasses import dataclass

import numpy as np

from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.amounts import some
from livetomo.simulate.background import Crowd
from livetomo.simulate.lookalikes import random_lookalike
from livetomo.simulate.particles import Population
from livetomo.simulate.random_cell import dirt, film, membranes, random_slab, slab_volume_um3
from livetomo.simulate.shapes import Shape, random_protein
from livetomo.simulate.specimen import Specimen, SpecimenPart

DENSITY_PER_UM3 = 3000.0
"""Where nobody said how many are expected."""
SPREAD = (0.4, 3.0)
"""From how little to how much of the expected density there is in one specimen or another."""
_ABSENT = 0.12
_MEMBRANES = 0.7
_OTHERS_PER_UM3 = (300.0, 9000.0)


@dataclass(frozen=True, slots=True)
class Species:
    """One kind of particle that is to be found, and how many of it are expected."""

    name: str
    shape: Shape
    radius_of_gyration_angstrom: float
    density_per_um3: float = DENSITY_PER_UM3


@dataclass(frozen=True, slots=True)
class Mixture:
    """What is put into the ice together.

    spread: between which shares of its expected density a species is drawn, every order of magnitude alike. absent:
    chance that a specimen has none of a species.
    """

    species: tuple[Species, ...]
    spread: tuple[float, float] = SPREAD
    absent: float = _ABSENT


def random_mixture(rng: np.random.Generator, geometry: TomogramGeometry, mixture: Mixture) -> Specimen:
    """A slab with each species at about its density, random shapes, membranes, gold, ice, carbon and a crowd."""
    slab = random_slab(rng, geometry)
    volume_um3 = slab_volume_um3(slab, geometry)
    extent = np.array(geometry.extent_angstrom[::-1])
    parts: list[SpecimenPart] = [*film(rng), *dirt(rng, volume_um3)]
    if rng.random() < _MEMBRANES:
        parts += membranes(rng, extent, volume_um3)
    parts += _species(rng, volume_um3, mixture)
    for _ in range(some(rng, volume_um3, *_OTHERS_PER_UM3)):
        parts.append(Population(_other(rng), 1, contrast=rng.uniform(0.7, 1.2)))
    parts.append(Crowd(rng.uniform(0.05, 0.4), rng.uniform(10, 50), rng.uniform(0, 0.8)))
    return Specimen(slab, tuple(parts))


def _species(rng: np.random.Generator, volume_um3: float, mixture: Mixture) -> list[SpecimenPart]:
    """The large ones first: they would find no room among the small."""
    parts: list[SpecimenPart] = []
    for species in sorted(mixture.species, key=lambda one: -one.shape.diameter_angstrom):
        low, high = (share * species.density_per_um3 for share in mixture.spread)
        count, contrast = some(rng, volume_um3, low, high), rng.uniform(0.85, 1.15)
        if rng.random() >= mixture.absent:
            parts.append(Population(species.shape, count, species.name, contrast, clustered=0.2, bound=0.1))
    return parts


def _other(rng: np.random.Generator) -> Shape:
    """A shape made up for this specimen alone, 50 to 300 Å wide, or about as large as a ribosome."""
    if rng.random() < 0.25:
        return random_lookalike(rng)
    return random_protein(rng, float(np.exp(rng.uniform(np.log(50), np.log(300)))))
