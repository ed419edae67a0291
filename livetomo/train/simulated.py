"""Examples from the simulator: as many as there are seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from livetomo.picks import Picks
from livetomo.simulate.cellular import Library, random_microscope, random_specimen
from livetomo.simulate.microscope import image
from livetomo.simulate.slab import ShapeZyx
from livetomo.simulate.specimen import draw
from livetomo.simulate.templates import load_templates
from livetomo.simulate.truth import FEATURES
from livetomo.stages.segment.canonical import Canonical
from livetomo.train.example import Example, add_ribosomes, bits_of_labels, prepared


@dataclass(frozen=True, slots=True)
class SimulatedExamples:
    """Specimen number i of a seed, each taken by several microscopes.

    spread: voxel sizes vary by this factor to either side of the canonical one. looks: microscopes for each specimen,
    because a specimen costs more than its images. validation: specimens that no training ever sees.

    fine: the share of specimens that are drawn and imaged with voxels half as large, and then brought to the network's
    as a tomogram is: most tomograms that a network meets have smaller voxels than its own. For their size they cost
    eight times as much, so they have `fine_shape_zyx` (of the small voxels).
    """

    seed: int
    canonical: Canonical = field(default_factory=Canonical)
    shape_zyx: ShapeZyx = (72, 112, 112)
    fine: float = 0.5
    fine_shape_zyx: ShapeZyx = (128, 160, 160)
    spread: float = 1.15
    looks: int = 4
    validation: bool = False
    templates: Path | None = None
    ribosome: str | None = None

    def examples(self, number: int) -> Sequence[Example]:
        """Those of specimen `number`; the same for the same number and seed."""
        seed = (int(self.validation) << 62) | (self.seed << 32) | number
        rng = np.random.default_rng([seed, 0])
        size = self.canonical.voxel_size_angstrom * float(np.exp(rng.uniform(-1, 1) * np.log(self.spread)))
        seen_at = replace(self.canonical, voxel_size_angstrom=size)
        finer, shape_zyx = (2, self.fine_shape_zyx) if rng.random() < self.fine else (1, self.shape_zyx)
        drawn = size / finer
        specimen = random_specimen(rng, shape_zyx, drawn, self._library())
        density, truth = draw(specimen, shape_zyx, drawn, seed)
        # The first voxels of both grids lie on each other.
        targets = bits_of_labels(np.ascontiguousarray(truth.labels[::finer, ::finer, ::finer]), FEATURES)
        ribosomes = truth.picks.get("ribosome", Picks.none()).position.astype(np.float64) / finer
        add_ribosomes(targets, ribosomes, np.full(3, size))
        made = []
        for look in range(self.looks):
            reconstruction = image(density, drawn, random_microscope(rng), seed * 16 + look)
            volume = prepared(reconstruction.volume, drawn, seen_at)
            made.append(Example(volume, targets, frozenset(FEATURES), ribosomes, size))
        return made

    def _library(self) -> Library:
        if self.templates is None:
            return Library()
        return Library.of(load_templates(self.templates), self.ribosome)
