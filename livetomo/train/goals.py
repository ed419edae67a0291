"""What a network is to learn of each feature, and how much it counts."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Centre:
    """How a feature that is particles is learned and judged: by a sphere at each one's centre.

    radius_angstrom: of the sphere: smaller than the particle, so that neighbours stay apart. spacing_angstrom: of two
    picks that are closer than this the weaker one goes. match_angstrom: a pick this close to a particle has found it.
    """

    radius_angstrom: float
    spacing_angstrom: float
    match_angstrom: float


@dataclass(frozen=True, slots=True)
class Goal:
    """One feature. centre: None where it fills what it is found in.

    weight: how much more a voxel that has it counts than one that has not: recall before precision, picks have scores.
    """

    feature: str
    weight: float
    centre: Centre | None = None


CELLULAR = (
    Goal("membrane", 2.0),
    Goal("ribosome", 4.0, Centre(95.0, spacing_angstrom=160.0, match_angstrom=125.0)),
    Goal("microtubule", 3.0),
    Goal("filament", 3.0),
    Goal("contamination", 3.0),
    Goal("carbon", 3.0),
)
"""What `livetomo train segmentation` can learn: the features that simulated cells have."""
