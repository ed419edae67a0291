"""Which tomograms are reconstructions of one tilt series, and which of them is in force: one table, one rule."""

from collections.abc import Iterable
from dataclasses import dataclass

from livetomo.core.sidecar_facts import SeriesFacts, SidecarFacts


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """A tomogram that has a result. modified_ns: when its volume was last written."""

    tomogram: str
    series: SeriesFacts
    modified_ns: int = 0

    @staticmethod
    def of(tomogram: str, facts: SidecarFacts, modified_ns: int) -> "Reconstruction":
        """With what is known of it."""
        return Reconstruction(tomogram, facts.series or SeriesFacts(), modified_ns)

    def is_again(self, other: "Reconstruction") -> bool:
        """Whether both are of the same tilt series, for certain."""
        mine, its = self.series, other.series
        if mine == SeriesFacts() or mine.name != its.name:
            return False
        if mine.acquisition and its.acquisition:
            return mine.acquisition == its.acquisition
        return bool(mine.of) and mine.of == its.of

    @property
    def rank(self) -> tuple[bool, int, int, int, str]:
        """Grows with what is in force: made by a job that has not failed, then by the later job, then written later."""
        return not self.series.failed, self.series.order, self.modified_ns, len(self.tomogram), self.tomogram


def superseded(reconstructions: Iterable[Reconstruction]) -> dict[str, str]:
    """Which tomograms are not in force, and by which one of the same series each is superseded."""
    in_force: list[Reconstruction] = []
    by: dict[str, str] = {}
    for one in sorted(reconstructions, key=lambda one: one.rank, reverse=True):
        better = next((other for other in in_force if one.is_again(other)), None)
        if better is None:
            in_force.append(one)
        else:
            by[one.tomogram] = better.tomogram
    return by


def exported_name(tomogram: str, facts: SidecarFacts) -> str:
    """What a tomogram is called in exports: as its series, where its producer says which that is."""
    return (facts.series or SeriesFacts()).name or tomogram


def series_name(tomogram: str, facts: SidecarFacts) -> str:
    """What RELION and Warp know its tilt series by: its own name there, or else what exports call the tomogram."""
    return facts.tilt_series_name or exported_name(tomogram, facts)
