"""What the average of a session's particles says, in numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from livetomo.core.json_object import JsonObject


@dataclass(frozen=True, slots=True)
class AverageSummary:
    """Of one feature of a session.

    particles, tomograms: how many are in it.
    signal: of one particle over its noise; by_chance: the same of places beside the particles.
    resolution_angstrom: where the halves no longer agree beyond chance; None where they nowhere do.
    updated: when it was made, UTC, ISO 8601.
    """

    particles: int
    tomograms: int
    signal: float
    by_chance: float
    resolution_angstrom: float | None
    updated: str

    def to_json(self) -> dict[str, Any]:
        """As files and messages have it."""
        return asdict(self)

    @staticmethod
    def from_json(body: Mapping[str, Any]) -> "AverageSummary":
        """The inverse of `to_json`; keys that it does not know are passed over.

        Raises:
            NotGiven: a value is missing, or is of another kind.
        """
        said = JsonObject(body)
        return AverageSummary(
            said.whole("particles"),
            said.whole("tomograms"),
            said.number("signal"),
            said.number("by_chance"),
            said.number("resolution_angstrom", None),
            said.moment("updated"),
        )
