"""A kind of particle as a density map."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PROTEIN_DALTON_PER_ANGSTROM3 = 0.81
"""Mass per volume of protein: 1.35 g/cm³, a partial specific volume of 0.74 cm³/g.

Erickson (2009, Biological Procedures Online 11:32) has 0.73 cm³/g. Nucleic acids are denser: a ribosome
fills less than a protein of its mass.
"""


@dataclass(frozen=True, slots=True)
class ParticleMap:
    """One kind of particle, cut out of its map and scaled by its mass.

    name:                what it is called.
    density:             float32 (z, y, x), protein about 1, exactly 0 outside of the particle: its integral over volume
                         is the volume of so much protein. No voxel of the box's faces belongs to the particle.
    voxel_size_angstrom: of `density`: finer than its file's where the particle has few voxels, coarser where very many.
    centre:              the centre of mass, voxels (z, y, x) of `density`, 0-based, voxel centres; it is what turns
                         about itself when the particle is turned.
    mass_dalton:         of what is drawn.
    diameter_angstrom:   of the sphere about the centre that holds 99.5 % of the particle's volume.
    reach_angstrom:      the radius of the sphere about the centre that holds all of it; noise moves it.
    radius_of_gyration_angstrom: weighted by density.
    contour:             the level that encloses the particle, in the units of the file.
    enclosed_dalton:     the mass of protein that fills what the contour encloses.
    cut_off:             the share of what lies above the contour that is not connected to the particle, 0..1.
    symmetry:            point group, C1 where none is given; `align_symmetry` finds its axes.
    notes:               what a person should know before the map is used; sentences.
    """

    name: str
    density: npt.NDArray[np.float32]
    voxel_size_angstrom: float
    centre: npt.NDArray[np.float64]
    mass_dalton: float
    diameter_angstrom: float
    reach_angstrom: float
    radius_of_gyration_angstrom: float
    contour: float
    enclosed_dalton: float
    cut_off: float = 0.0
    symmetry: str = "C1"
    notes: tuple[str, ...] = ()
