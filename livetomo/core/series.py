"""Which tomograms are reconstructions of one tilt series, and which of them is in force: one table, one rule.

What is known of it stands in a tomogram's metadata under `series`:

    name:        of the series, as its producer has it; the tomogram's own may have a suffix
    of:          where its producer keeps what belongs together; two of the same are of one series
    acquisition: a digest of when and to which files it was acquired, from its mdoc; two that differ are two series
    order:       the number of the job that made it, where its producer counts jobs
    failed:      why the program that made it may have left it unfinished
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

KEY = "series"


@dataclass(frozen=True, slots=True)
class Reconstruction:
    """A tomogram that has a result. modified_ns: when its volume was last written."""

    tomogram: str
    series: Mapping[str, Any]
    modified_ns: int = 0

    @staticmethod
    def of(tomogram: str, metadata: Mapping[str, Any], modified_ns: int) -> "Reconstruction":
        """With what its metadata says."""
        return Reconstruction(tomogram, metadata.get(KEY) or {}, modified_ns)

    def is_again(self, other: "Reconstruction") -> bool:
        """Whether both are of the same tilt series, for certain."""
        mine, its = self.series, other.series
        if not mine or mine.get("name") != its.get("name"):
            return False
        acquired, acquired_too = mine.get("acquisition"), its.get("acquisition")
        if acquired and acquired_too:
            return bool(acquired == acquired_too)
        return bool(mine.get("of")) and mine.get("of") == its.get("of")

    @property
    def rank(self) -> tuple[bool, int, int, int, str]:
        """Grows with what is in force: made by a job that has not failed, then by the later job, then written later."""
        order = int(self.series.get("order", 0))
        return not self.series.get("failed"), order, self.modified_ns, len(self.tomogram), self.tomogram


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


def exported_name(tomogram: str, metadata: Mapping[str, Any]) -> str:
    """What a tomogram is called in exports: as its series, where its producer says which that is."""
    return str((metadata.get(KEY) or {}).get("name") or tomogram)


def series_name(tomogram: str, metadata: Mapping[str, Any]) -> str:
    """What RELION and Warp know its tilt series by: its own name there, or else what exports call the tomogram."""
    return str(metadata.get("tilt_series_name") or exported_name(tomogram, metadata))
