"""Examples from the simulator: as many as there are seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from livetomo.config.model_card import Canonical
from livetomo.core.geometry import TomogramGeometry
from livetomo.processing.segment.canonical import canonical_shape
from livetomo.simulate.finishing import finish, random_finishing
from livetomo.simulate.microscope import image
from livetomo.simulate.negatives import cell_with_negatives, random_null
from livetomo.simulate.random_cell import Library, random_microscope, random_specimen
from livetomo.simulate.specimen import Specimen, draw
from livetomo.simulate.templates import load_templates
from livetomo.simulate.truth import FEATURES, Floats
from livetomo.train.example import Example, add_labels, add_particles, no_targets, on_grid, prepared
from livetomo.train.goals import CELLULAR
from livetomo.train.scrambled import scrambled


@dataclass(frozen=True, slots=True)
class SimulatedExamples:
    """Specimen number i of a seed, each taken by several microscopes.

    spread: voxel sizes vary by this factor to either side of the canonical one. looks: microscopes for each specimen,
    because a specimen costs more than its images. validation: specimens that no training ever sees.

    fine, coarse: the shares of specimens that are drawn and imaged with voxels half as large, and 1.3 times as large,
    and then brought to the network's as a tomogram is. Most tomograms that a network meets have smaller voxels than its
    own; some have larger ones, and nothing beyond their own Nyquist frequency.

    negatives: the share of specimens that are cells crowded with what looks like a membrane or a ribosome and is none.
    nulls: the share that hold neither. scrambled: of the images, the share that are given random phases, so that there
    is nothing in them. finished: the share that come from a worse microscope and are filtered or denoised.
    """

    seed: int
    canonical: Canonical = field(default_factory=Canonical)
    shape_zyx: tuple[int, int, int] = (72, 112, 112)
    fine: float = 0.5
    fine_shape_zyx: tuple[int, int, int] = (128, 160, 160)
    coarse: float = 0.2
    coarse_shape_zyx: tuple[int, int, int] = (56, 88, 88)
    spread: float = 1.15
    looks: int = 4
    validation: bool = False
    templates: Path | None = None
    map_tables: Path | None = None
    ribosome: str | None = None
    negatives: float = 0.0
    nulls: float = 0.0
    scrambled: float = 0.0
    finished: float = 0.0

    def examples(self, number: int) -> Sequence[Example]:
        """Those of specimen `number`; the same for the same number and seed."""
        seed = (int(self.validation) << 62) | (self.seed << 32) | number
        rng = np.random.default_rng([seed, 0])
        size = self.canonical.voxel_size_angstrom * float(np.exp(rng.uniform(-1, 1) * np.log(self.spread)))
        seen_at = replace(self.canonical, voxel_size_angstrom=size)
        scale, shape_zyx = self._voxels(rng)
        drawn = size * scale
        geometry = TomogramGeometry(shape_zyx, drawn)
        specimen = self._specimen(rng, geometry)
        density, truth = draw(specimen, geometry, seed)
        seen_shape = canonical_shape(shape_zyx, drawn, seen_at)
        targets = no_targets(seen_shape, CELLULAR)
        add_labels(targets, on_grid(truth.labels, seen_shape), FEATURES, CELLULAR)
        centres = add_particles(targets, CELLULAR, truth, size)
        features = tuple(goal.feature for goal in CELLULAR)
        made = []
        for look in range(self.looks):
            seen = self._seen(density, drawn, rng, seed * 16 + look)
            if rng.random() < self.scrambled:
                volume = prepared(scrambled(seen, rng), drawn, seen_at)
                nowhere = {feature: np.zeros((0, 3)) for feature in centres}
                made.append(Example(volume, np.zeros_like(targets), features, frozenset(features), nowhere, size))
            else:
                volume = prepared(seen, drawn, seen_at)
                made.append(Example(volume, targets, features, frozenset(features), centres, size))
        return made

    def _specimen(self, rng: np.random.Generator, geometry: TomogramGeometry) -> Specimen:
        chance = rng.random()
        if chance < self.nulls:
            return random_null(rng, geometry)
        if chance < self.nulls + self.negatives:
            return cell_with_negatives(rng, geometry, self._library())
        return random_specimen(rng, geometry, self._library())

    def _seen(self, density: Floats, voxel_size_angstrom: float, rng: np.random.Generator, seed: int) -> Floats:
        """The reconstruction that is handed on."""
        microscope = random_microscope(rng)
        if rng.random() >= self.finished:
            return image(density, voxel_size_angstrom, microscope, seed).volume
        worse = replace(
            microscope,
            defocus_angstrom=rng.uniform(8000, 100_000),
            softness=float(np.exp(rng.uniform(np.log(0.5), np.log(12)))),
            spikes=float(rng.choice([0.0, 0.0, 0.5, 3.0])),
        )
        volume = image(density, voxel_size_angstrom, worse, seed).volume
        return finish(volume, voxel_size_angstrom, random_finishing(rng))

    def _voxels(self, rng: np.random.Generator) -> tuple[float, tuple[int, int, int]]:
        """How large they are drawn, in the network's, and how many of them."""
        chance = rng.random()
        if chance < self.fine:
            return 0.5, self.fine_shape_zyx
        if chance < self.fine + self.coarse:
            return 1.3, self.coarse_shape_zyx
        return 1.0, self.shape_zyx

    def _library(self) -> Library:
        return _library(self.templates, self.map_tables, self.ribosome)


@lru_cache(maxsize=2)
def _library(templates: Path | None, map_tables: Path | None, ribosome: str | None) -> Library:
    """Read once by each process: cutting the particles out of their maps takes as long as drawing a specimen."""
    return Library() if templates is None else Library.of(load_templates(templates, map_tables), ribosome)
