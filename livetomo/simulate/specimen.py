"""What lies in the ice, drawn from a seed."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from livetomo.core.geometry import TomogramGeometry
from livetomo.simulate.canvas import Canvas
from livetomo.simulate.slab import IceSlab
from livetomo.simulate.truth import Floats, Truth


class SpecimenPart(Protocol):
    """Something that can be drawn; it stays away from what was drawn before it."""

    def draw(self, canvas: Canvas, rng: np.random.Generator) -> None:
        """Into `canvas`."""


@dataclass(frozen=True, slots=True)
class Specimen:
    """What lies in the ice, in the order in which it is drawn: the large and rigid first, the crowd last."""

    slab: IceSlab
    parts: tuple[SpecimenPart, ...]


def draw(specimen: Specimen, geometry: TomogramGeometry, seed: int) -> tuple[Floats, Truth]:
    """The density (protein 1, solvent 0; z, y, x) and what it contains. The same seed draws the same."""
    canvas = Canvas(geometry, specimen.slab)
    for number, part in enumerate(specimen.parts):
        part.draw(canvas, np.random.default_rng([seed, 1, number]))
    return canvas.density, canvas.truth()
