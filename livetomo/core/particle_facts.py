"""What has to be known of a density map before it is a particle."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class ParticleFacts:
    """What a person, a file beside a map, or EMDB says of it; None is not said.

    contour:             in the map's own units.
    mass_dalton:         of the whole particle.
    symmetry:            its point group, "C1" to "C99", "D1" to "D99", "T", "O" or "I".
    voxel_size_angstrom: in place of what the map's header says.
    """

    contour: float | None = None
    mass_dalton: float | None = None
    symmetry: str | None = None
    voxel_size_angstrom: float | None = None

    def over(self, others: "ParticleFacts") -> "ParticleFacts":
        """These, and of `others` what is not said here."""
        missing = {name: getattr(others, name) for name in self.__slots__ if getattr(self, name) is None}
        return replace(self, **missing)
