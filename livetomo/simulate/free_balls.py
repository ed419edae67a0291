"""Places where a ball fits into what has been drawn already."""

from dataclasses import dataclass

import numpy as np

from livetomo.simulate.canvas import Box, Canvas
from livetomo.simulate.truth import Floats

TRIES = 12
MOST_TAKEN = 0.01
"""The share of a ball that may be taken by something else."""


@dataclass(frozen=True, slots=True)
class FreeBall:
    """A part of the canvas around a free place, and how far (Å) from the place its voxels are along z, y and x."""

    box: Box
    z: Floats
    y: Floats
    x: Floats

    @property
    def distance(self) -> Floats:
        """Å from the place."""
        distance: Floats = np.sqrt(self.z**2 + self.y**2 + self.x**2)
        return distance


def find_free_ball(
    canvas: Canvas, rng: np.random.Generator, radius_angstrom: float, margin_angstrom: float
) -> FreeBall | None:
    """A place at random in the slab, where a ball of this radius fits; None if a few tries find none.

    Most of the ball is inside the slab; the volume's faces may cut it. margin: how much further the box reaches.
    """
    for _ in range(TRIES):
        centre = canvas.extent * rng.random(3)
        z, y, x = np.minimum(centre / canvas.voxel_size_angstrom, np.array(canvas.shape) - 1).astype(int)
        if canvas.depth[z, y, x] > -0.8 * radius_angstrom:
            continue
        found = FreeBall(*canvas.around(centre, radius_angstrom + margin_angstrom))
        ball = found.distance < radius_angstrom
        if np.count_nonzero(canvas.taken[found.box] & ball) <= MOST_TAKEN * np.count_nonzero(ball):
            return found
    return None
