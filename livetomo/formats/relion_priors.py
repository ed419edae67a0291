"""Picks for RELION 5 whose orientations are its subtomograms' own, with priors."""

import numpy as np

from livetomo.formats.frame import Points
from livetomo.formats.orientations import euler_of, turns
from livetomo.formats.particle_columns import ANGLES, PRIORS, SUBTOMOGRAM_ANGLES
from livetomo.formats.particles_star import OrientationColumns
from livetomo.formats.relion import Relion5Exporter

_WITHIN = (0.0, 90.0, 0.0)
"""Rot, tilt and psi of each particle within its subtomogram."""
_PRIOR = _WITHIN[1:]


def _subtomograms(angles: Points) -> Points:
    """(n, 8) the subtomogram's angles, the particle's within it, and the priors of its tilt and psi."""
    frames = euler_of(turns(angles) @ turns(np.array([_WITHIN]))[0].T)
    return np.hstack([frames, np.tile((*_WITHIN, *_PRIOR), (len(frames), 1))])


def _particles(values: Points) -> Points:
    """(n, 3) rot, tilt and psi in the tomogram: the particle is turned within its subtomogram, then with it."""
    return euler_of(turns(values[:, :3]) @ turns(values[:, 3:6]))


class Relion5PriorsExporter(Relion5Exporter):
    """As `relion5`, with orientations as RELION 5's importer of coordinates takes those of a text file.

    The orientation is that of the subtomogram (`rlnTomoSubtomogramRot`, `Tilt`, `Psi`). Within it each particle has rot
    0, tilt 90 and psi 0, and the priors say so (`rlnAngleTiltPrior` 90, `rlnAnglePsiPrior` 0), as RELION 5 has it for
    particles on spheres and filaments: *3D auto-refine* stays near them by *Prior width on tilt angle*. The particle's
    orientation is the product of both (RELION's documentation, "Particle set").
    """

    name = "relion5-priors"
    orientation = OrientationColumns((*SUBTOMOGRAM_ANGLES, *ANGLES, *PRIORS), _subtomograms, _particles)
