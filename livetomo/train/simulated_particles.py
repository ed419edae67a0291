"""Examples of several kinds of particles, from the simulator: to learn from, and to judge by."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from livetomo.config.model_card import Canonical
from livetomo.core.geometry import TomogramGeometry
from livetomo.processing.segment.canonical import canonical_shape
from livetomo.simulate.microscope import image
from livetomo.simulate.random_cell import random_microscope
from livetomo.simulate.species import Mixture, random_mixture
from livetomo.simulate.specimen import draw
from livetomo.train.example import Example, add_particles, no_targets, prepared
from livetomo.train.goals import Goal

_DRAWN = (5 / 7, 6 / 7, 1.0)
_FINEST_ANGSTROM = 9.5
MOST_OF_SPECIMEN = 0.7
"""A wider particle, in shares of a specimen's thickness, would find no place in most specimens."""
_LEARNED, _VALIDATION, _HELD_OUT = range(3)


@dataclass(frozen=True, slots=True)
class SimulatedParticles:
    """Specimen number i of a seed, each taken by several microscopes.

    A specimen is drawn at the network's voxel size or finer, and brought to it as a tomogram is. spread: all voxel
    sizes vary by this factor to either side. looks: microscopes for each specimen. snr: see `Microscope`. validation:
    specimens that no training ever sees.
    """

    seed: int
    mixture: Mixture
    goals: tuple[Goal, ...]
    canonical: Canonical
    extent_zyx_angstrom: tuple[float, float, float] = (1000.0, 1650.0, 1650.0)
    spread: float = 1.04
    looks: int = 2
    snr: tuple[float, float] = (0.04, 0.6)
    validation: bool = False

    def examples(self, number: int) -> Sequence[Example]:
        """Those of specimen `number`; the same for the same number and seed."""
        seed = _seed(_VALIDATION if self.validation else _LEARNED, self.seed, number)
        rng = np.random.default_rng([seed, 0])
        size = self.canonical.voxel_size_angstrom * float(np.exp(rng.uniform(-1, 1) * np.log(self.spread)))
        drawn = max(size * float(rng.choice(_DRAWN)), min(_FINEST_ANGSTROM, size))
        z, y, x = (round(extent / drawn) for extent in self.extent_zyx_angstrom)
        snr = [float(np.exp(rng.uniform(*np.log(self.snr)))) for _ in range(self.looks)]
        return _taken(
            self.mixture,
            self.goals,
            replace(self.canonical, voxel_size_angstrom=size),
            TomogramGeometry((z, y, x), drawn),
            seed,
            rng,
            snr,
        )


@dataclass(frozen=True, slots=True)
class HeldOutParticles:
    """Specimens of one size to judge by, each taken at each of several signal-to-noise ratios.

    choosing: those by which something is chosen, such as thresholds; never the same as those that judge.
    """

    seed: int
    mixture: Mixture
    goals: tuple[Goal, ...]
    canonical: Canonical
    geometry: TomogramGeometry
    snr: tuple[float, ...]
    choosing: bool = False

    def examples(self, number: int) -> Sequence[Example]:
        """Those of specimen `number`, one for each of `snr`."""
        seed = _seed(_HELD_OUT, self.seed, number) + (int(self.choosing) << 31)
        rng = np.random.default_rng([seed, 0])
        mixture = replace(self.mixture, spread=(1.0, 1.0), absent=0.0)
        return _taken(mixture, self.goals, self.canonical, self.geometry, seed, rng, self.snr)


def _seed(purpose: int, seed: int, number: int) -> int:
    return (purpose << 61) | (seed << 32) | number


def _taken(
    mixture: Mixture,
    goals: tuple[Goal, ...],
    seen_at: Canonical,
    geometry: TomogramGeometry,
    seed: int,
    rng: np.random.Generator,
    snr: Sequence[float],
) -> list[Example]:
    """A specimen as a network will see its tomograms, one for each signal-to-noise ratio."""
    density, truth = draw(random_mixture(rng, geometry, mixture), geometry, seed)
    drawn = geometry.voxel_size_angstrom
    targets = no_targets(canonical_shape(geometry.shape_zyx, drawn, seen_at), goals)
    centres = add_particles(targets, goals, truth, seen_at.voxel_size_angstrom)
    features = tuple(goal.feature for goal in goals)
    made = []
    for look, ratio in enumerate(snr):
        microscope = random_microscope(rng, (ratio, ratio))
        seen = image(density, drawn, microscope, seed * 16 + look).volume
        volume = prepared(seen, drawn, seen_at)
        made.append(Example(volume, targets, features, frozenset(features), centres, seen_at.voxel_size_angstrom))
    return made
