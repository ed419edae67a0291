"""How a tilt series was taken, which neither its images nor its alignment say."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from livetomo.core.sidecar_facts import SidecarFacts


@dataclass(frozen=True, slots=True)
class Acquisition:
    """None where nobody has said.

    amplitude_contrast: a fraction.
    hand: 1 or -1, as rlnTomoHand: whether defocus grows with z.
    view_dose_electrons_per_angstrom2: of each image, the same for all.
    """

    voltage_kilovolt: float | None = None
    spherical_aberration_mm: float | None = None
    amplitude_contrast: float | None = None
    hand: int | None = None
    view_dose_electrons_per_angstrom2: float | None = None

    @staticmethod
    def of_sidecars(facts: SidecarFacts) -> "Acquisition":
        """What sidecars say; the dose of each image is with the views, and so is the hand where its sign is known."""
        return Acquisition(
            facts.voltage_kilovolt,
            facts.spherical_aberration_mm,
            facts.amplitude_contrast,
            (facts.views.hand or None) if facts.views else None,
        )

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> "Acquisition":
        """The inverse of `to_json`."""
        return Acquisition(**body)

    def to_json(self) -> dict[str, Any]:
        """What somebody has said."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def or_else(self, other: "Acquisition") -> "Acquisition":
        """With what `other` says where this one does not."""
        return Acquisition(**{**other.to_json(), **self.to_json()})
