"""An easy simulation, for the demo and for tests: well-separated ribosomes and a few vesicles, good contrast."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.background import Crowd
from livetomo.simulate.membranes import Bilayer, Membrane
from livetomo.simulate.microscope import Microscope, SimulatedReconstruction, image
from livetomo.simulate.particles import Population
from livetomo.simulate.shapes import random_protein, ribosome_like
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.specimen import Specimen, draw
from livetomo.simulate.surfaces import random_ellipsoid
from livetomo.simulate.truth import Truth

_GEOMETRY = TomogramGeometry((96, 192, 192), 16.0)


@dataclass(frozen=True, slots=True)
class Easy:
    """How much of what, in how large a volume."""

    geometry: TomogramGeometry = _GEOMETRY
    ribosomes: int = 45
    vesicles: int = 3
    proteins: int = 150
    snr: float = 0.03

    @property
    def microscope(self) -> Microscope:
        """How its tilt series are taken."""
        jitter = 0.2 * self.geometry.voxel_size_angstrom
        return Microscope(snr=self.snr, defocus_angstrom=50000.0, jitter_angstrom=jitter)


def simulate(seed: int, settings: Easy = Easy()) -> tuple[SimulatedReconstruction, Truth]:
    """A tomogram and what it contains. The same seed gives the same."""
    density, truth = draw(easy_specimen(seed, settings), settings.geometry, seed)
    return image(density, settings.geometry.voxel_size_angstrom, settings.microscope, seed), truth


def easy_specimen(seed: int, settings: Easy) -> Specimen:
    """The specimen of this seed."""
    rng = np.random.default_rng([seed, 0])
    extent = np.array(settings.geometry.extent_angstrom[::-1])
    vesicles = tuple(
        Membrane(
            random_ellipsoid(
                rng,
                extent * np.array([0.5, *rng.uniform(0.15, 0.85, 2)]),
                rng.uniform(220.0, 420.0),
                Rotation.random(rng=rng).as_matrix(),
            ),
            Bilayer(weight=0.5),
        )
        for _ in range(settings.vesicles)
    )
    crowd = tuple(Population(random_protein(rng, rng.uniform(50.0, 110.0)), settings.proteins // 10) for _ in range(10))
    slab = IceSlab(0.75 * float(extent[0]), slope=(rng.normal(0, 0.02), rng.normal(0, 0.02)))
    return Specimen(slab, (*vesicles, Population(ribosome_like(), settings.ribosomes, "ribosome"), *crowd, Crowd()))
