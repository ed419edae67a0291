"""What a person or a rule has taken out of a session's picks: a tomogram, a feature of it, or a part of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from livetomo.core.json_object import JsonObject
from livetomo.core.tomogram import TomogramId

Axis = Literal["x", "y", "z"]
AXES: tuple[Axis, ...] = get_args(Axis)

Box = Mapping[str, tuple[float, float]]
"""Lowest and highest voxel index along x, y or z, from 0, both inside; an axis that is not named is all of it."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One exclusion, which holds until a person takes it back.

    feature:   what is out; empty: every feature.
    box:       where; empty: everywhere.
    who, why:  for people. at: UTC, ISO 8601.
    result_id: a rule takes out this result alone; empty: a person's exclusion holds for later results, too.
    readmitted_at, readmitted_by: when it was taken back, and by whom; empty while it holds.
    """

    id: str
    tomogram: TomogramId
    who: str
    why: str
    at: str
    feature: str = ""
    box: Box = field(default_factory=dict)
    result_id: str = ""
    readmitted_at: str = ""
    readmitted_by: str = ""

    @property
    def holds(self) -> bool:
        """Whether nobody has taken it back."""
        return not self.readmitted_at

    @property
    def is_whole(self) -> bool:
        """Whether nothing of the tomogram is left."""
        return not self.feature and not self.box

    @property
    def sentence(self) -> str:
        """What is out, who took it out, and why: `ribosome in z 20 to 90 is excluded by ada: ice`."""
        places = [f"{axis} {self.box[axis][0]:g} to {self.box[axis][1]:g}" for axis in AXES if axis in self.box]
        where = f" in {', '.join(places)}" if places else ""
        return f"{self.feature or 'everything'}{where} is excluded by {self.who}: {self.why}"

    def to_json(self) -> dict[str, Any]:
        """As it stands in `session.json`, in answers and in the events."""
        body = asdict(self)
        who = body.pop("tomogram")
        body["box"] = {axis: list(ends) for axis, ends in self.box.items()}
        return {"watch": who["watch"], "session": who["session"], "tomogram": who["name"], **body}

    @staticmethod
    def from_json(body: JsonObject) -> "Exclusion":
        """The inverse of `to_json`."""
        words = ("id", "who", "why", "at", "feature", "result_id", "readmitted_at", "readmitted_by")
        where = body.object("box")
        return Exclusion(
            tomogram=TomogramId(body.text("watch"), body.text("session"), body.text("tomogram")),
            box={axis: where.numbers(axis, 2) for axis in AXES if axis in where.body},
            **{word: body.text(word) for word in words},
        )


def boxes_of(exclusions: Iterable[Exclusion], feature: str) -> tuple[Box, ...]:
    """Where picks of `feature` are out, by those exclusions of one tomogram that hold; `{}` is everywhere."""
    boxes = [each.box for each in exclusions if each.holds and each.feature in ("", feature)]
    return ({},) if {} in boxes else tuple(boxes)


def is_in(boxes: Sequence[Box], index_xyz: Sequence[float]) -> bool:
    """Whether a voxel index (x, y, z) lies in one of them."""
    return any(all(low <= index_xyz[AXES.index(axis)] <= high for axis, (low, high) in box.items()) for box in boxes)


def without_excluded(
    rows: Sequence[Sequence[float]], columns: Sequence[str], volume: Mapping[str, Any], boxes: Sequence[Box]
) -> Sequence[Sequence[float]]:
    """The rows of picks that lie in no box; the columns x_angstrom, y_angstrom and z_angstrom are from the first voxel.

    volume: of a payload, for its voxel size.
    """
    if not boxes:
        return rows
    places = [columns.index(f"{axis}_angstrom") for axis in AXES]
    voxel_size = volume["voxel_size_angstrom"]
    return [row for row in rows if not is_in(boxes, [row[place] / voxel_size for place in places])]
