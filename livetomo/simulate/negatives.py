"""What a network takes for a membrane or a ribosome and should not: drawn at random, to train and to test with."""

import numpy as np

from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.amounts import some
from livetomo.simulate.background import Crowd
from livetomo.simulate.contaminants import Gold, IceCrystals
from livetomo.simulate.curtains import Curtains
from livetomo.simulate.doublets import Doublet
from livetomo.simulate.filaments import Filaments, microtubule
from livetomo.simulate.inclusions import DenseGranules, LipidDroplets
from livetomo.simulate.lookalikes import random_lookalike
from livetomo.simulate.particles import Population
from livetomo.simulate.protein_shells import ProteinShells
from livetomo.simulate.random_cell import Library, random_slab, random_specimen, slab_volume_um3
from livetomo.simulate.specimen import Specimen, SpecimenPart

Parts = list[SpecimenPart]


def shells(rng: np.random.Generator, volume_um3: float) -> Parts:
    """Virus-like particles of one or two sizes: two shells, or a small full one."""
    parts: Parts = []
    for _ in range(int(rng.integers(1, 3))):
        count = 1 + some(rng, volume_um3, 150, 2500)
        sigma, weight = rng.uniform(9, 16), rng.uniform(0.7, 1.2)
        if rng.random() < 0.7:
            radius = rng.uniform(160, 450)
            filling = float(rng.choice([0.0, 0.0, rng.uniform(0.1, 0.7)]))
            parts.append(ProteinShells(count, radius, rng.uniform(60, 110), sigma, weight, filling))
        else:
            parts.append(ProteinShells(count, rng.uniform(90, 170), 0.0, sigma, weight, rng.uniform(0.0, 0.9)))
    return parts


def gold(rng: np.random.Generator, volume_um3: float) -> Parts:
    """Beads, whose fringes and streaks the microscope makes."""
    diameter = float(rng.choice([50.0, 100.0, 100.0, 150.0, 250.0]))
    return [Gold(2 + some(rng, volume_um3, 200, 2500), diameter, rng.uniform(6, 25))]


def granules(rng: np.random.Generator, volume_um3: float) -> Parts:
    """Dense granules."""
    count = 2 + some(rng, volume_um3, 300, 4000)
    return [
        DenseGranules(count, rng.uniform(150, 600), rng.uniform(1.3, 3.0), rng.uniform(5, 50), rng.uniform(0.05, 0.5))
    ]


def droplets(rng: np.random.Generator, volume_um3: float) -> Parts:
    """Lipid droplets."""
    count = 1 + some(rng, volume_um3, 50, 800)
    return [LipidDroplets(count, rng.uniform(250, 800), rng.uniform(-0.15, 0.5), rng.uniform(0.2, 1.0))]


def microtubules(rng: np.random.Generator, volume_um3: float) -> Parts:
    """Microtubules, alone or side by side, and doublets."""
    parts: Parts = []
    doublets = rng.random() < 0.35
    if not doublets or rng.random() < 0.5:
        lattice = microtubule(int(rng.choice([11, 12, 13, 13, 13, 14, 14, 15])))
        bundle = int(rng.choice([1, 1, 1, 3]))
        count = 2 + some(rng, volume_um3, 100, 1500 / bundle)
        parts.append(Filaments(lattice, count, rng.uniform(0.6, 1.2), bundle, bundle_angstrom=rng.uniform(300, 400)))
    if doublets:
        parts.append(Filaments(Doublet(), 1 + some(rng, volume_um3, 100, 900), rng.uniform(0.6, 1.2)))
    return parts


def particles(rng: np.random.Generator, volume_um3: float) -> Parts:
    """Other particles about as large and as heavy as a ribosome."""
    parts: Parts = []
    for _ in range(int(rng.integers(1, 5))):
        count = 1 + some(rng, volume_um3, 200, 4000)
        parts.append(Population(random_lookalike(rng), count, contrast=rng.uniform(0.8, 1.2), clustered=0.2))
    return parts


def streaks(rng: np.random.Generator, volume_um3: float) -> Parts:
    """The stripes of milling, and beads, which draw streaks."""
    parts: Parts = [Curtains(rng.uniform(0.05, 0.4), float(np.exp(rng.uniform(np.log(40), np.log(500)))))]
    return parts if rng.random() < 0.5 else [*gold(rng, volume_um3), *parts]


def ice(rng: np.random.Generator, volume_um3: float) -> Parts:
    """Empty ice; a third of it with crystals on its faces."""
    if rng.random() < 0.67:
        return []
    return [IceCrystals(1 + some(rng, volume_um3, 20, 250), rng.uniform(300, 1500), rng.uniform(0.5, 2.5))]


NEGATIVES = {
    "shells": shells,
    "ice": ice,
    "gold": gold,
    "granules": granules,
    "droplets": droplets,
    "microtubules": microtubules,
    "particles": particles,
    "streaks": streaks,
}
"""By name: each draws parts at random for a slab of so many µm³."""
NOISE = "noise"
NULLS = (*NEGATIVES, NOISE)
"""The specimens that hold no membrane and no ribosome, by name."""
_ADDED = {"shells": 0.35, "gold": 0.2, "granules": 0.35, "droplets": 0.2, "microtubules": 0.45, "particles": 0.6}
_OVER = 0.15
_WITHOUT_RIBOSOMES = 0.25


def null_specimen(rng: np.random.Generator, geometry: TomogramGeometry, name: str) -> Specimen:
    """A specimen of this name, which holds neither membranes nor ribosomes: one kind of thing in grainy ice.

    `noise` holds nothing at all, not even ice.
    """
    slab = random_slab(rng, geometry)
    if name == NOISE:
        return Specimen(slab, ())
    parts = NEGATIVES[name](rng, slab_volume_um3(slab, geometry))
    return Specimen(slab, (*parts, Crowd(rng.uniform(0.03, 0.2), rng.uniform(10, 40))))


def random_null(rng: np.random.Generator, geometry: TomogramGeometry) -> Specimen:
    """Any of them."""
    return null_specimen(rng, geometry, NULLS[int(rng.integers(len(NULLS)))])


def cell_with_negatives(rng: np.random.Generator, geometry: TomogramGeometry, library: Library) -> Specimen:
    """A piece of a cell, crowded also with what looks like a membrane or a ribosome; a quarter have no ribosomes."""
    cell = random_specimen(rng, geometry, library)
    volume_um3 = slab_volume_um3(cell.slab, geometry)
    added: Parts = []
    for name, chance in _ADDED.items():
        if rng.random() < chance:
            added += NEGATIVES[name](rng, volume_um3)
    over: Parts = [Curtains(rng.uniform(0.05, 0.3), rng.uniform(40, 500))] if rng.random() < _OVER else []
    small = [part for part in cell.parts if isinstance(part, Population | Crowd)]
    large = [part for part in cell.parts if not isinstance(part, Population | Crowd)]
    if rng.random() < _WITHOUT_RIBOSOMES:
        small = [part for part in small if not (isinstance(part, Population) and part.name == "ribosome")]
    return Specimen(cell.slab, (*large, *added, *small, *over))
