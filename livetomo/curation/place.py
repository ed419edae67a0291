"""Rules that look at a pick's own place and score: edges, regions, the strongest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from livetomo.core.curation import Mask, in_boxes, off_the_faces, strongest
from livetomo.core.exclusion import AXES, Box
from livetomo.curation.rule import Rule, Surroundings
from livetomo.formats.frame import Placed


@dataclass(frozen=True, slots=True)
class KeepOffEdges(Rule):
    """Keep what is at least this far from the outermost voxels."""

    distance_angstrom: float
    name = "edge"
    asks_result = False

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        geometry = placed.frame.geometry
        kept = off_the_faces(placed.picks, geometry.shape_zyx, geometry.voxels(self.distance_angstrom))
        return kept, f"closer than {self.distance_angstrom:g} Å to an edge of the tomogram"


@dataclass(frozen=True, slots=True)
class KeepInBox(Rule):
    """Keep what lies in one box, the same of each tomogram, in voxels."""

    box: Box
    name = "z"
    asks_result = False

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        ends = ", ".join(f"{axis} {self.box[axis][0]:g} to {self.box[axis][1]:g}" for axis in AXES if axis in self.box)
        return in_boxes(placed.picks, [self.box]), f"outside of {ends}"


@dataclass(frozen=True, slots=True)
class KeepInRegions(Rule):
    """Keep what lies in one of the tomogram's boxes, which a file lists by the tomograms' names.

    source: the file's name. boxes: "*" has those of each tomogram that has none of its own.
    """

    source: str
    boxes: Mapping[str, Sequence[Box]]
    name = "region"
    asks_result = False

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        names = (around.tomogram, placed.frame.name, placed.frame.series, "*")
        boxes = next((self.boxes[name] for name in names if name in self.boxes), ())
        why = f"outside of the boxes in {self.source}" if boxes else f"of tomograms that {self.source} has no box of"
        return in_boxes(placed.picks, boxes), why


@dataclass(frozen=True, slots=True)
class KeepStrongest(Rule):
    """Keep so many of each tomogram: those with the highest scores."""

    number: int
    name = "top"
    asks_result = False

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        return strongest(placed.picks, self.number), f"not among the {self.number:,} strongest of their tomogram"
