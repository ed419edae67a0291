"""The picks of one feature in one tomogram, as a consumer gets them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from livetomo.core.geometry import TomogramGeometry


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of the result folder, with the checksum and size to verify it."""

    name: str
    url: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class PickSet:
    """All picks of a feature in a tomogram, strongest first.

    columns: names of the values in a row; x_angstrom, y_angstrom and z_angstrom are Å from the first voxel's centre.
    rows:    all picks, whether or not they came in the message; none if the set is `retracted`.
    files:   files of the result, by export format.
    series:  name of the tomogram in exports, if it is another one there.
    epoch:   numbering that `seq` belongs to; a new one means that the catalog was restored or rebuilt.
    """

    event_id: str
    seq: int
    time: str
    watch: str
    session: str
    tomogram: str
    revision: int
    recipe_hash: str
    result_id: str
    feature: str
    retracted: bool = False
    voxel_size_angstrom: float = 0.0
    shape_zyx: tuple[int, int, int] = (0, 0, 0)
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[float, ...], ...] = ()
    files: Mapping[str, RemoteFile] = field(default_factory=dict)
    epoch: str = ""
    series: str = ""

    @property
    def geometry(self) -> TomogramGeometry:
        """Where the tomogram's voxels lie."""
        return TomogramGeometry(self.shape_zyx, self.voxel_size_angstrom)

    def centred_xyz_angstrom(self) -> list[tuple[float, float, float]]:
        """Positions in Å from the centre that RELION 5's extraction uses: index n/2."""
        x, y, z = (self.columns.index(f"{axis}_angstrom") for axis in "xyz")
        middle = self.geometry.middle_angstrom
        return [(row[x] - middle[0], row[y] - middle[1], row[z] - middle[2]) for row in self.rows]

    def scores(self) -> list[float]:
        """The score of each row."""
        column = self.columns.index("score")
        return [row[column] for row in self.rows]


def pickset_of(body: Mapping[str, Any], feature: str, rows: tuple[tuple[float, ...], ...]) -> PickSet:
    """What a picks or retracted payload says, with all rows."""
    common = {key: body[key] for key in ("event_id", "seq", "time", "watch", "session", "tomogram", "revision")}
    common |= {"recipe_hash": body["recipe_hash"], "result_id": body["result_id"], "feature": feature}
    common["epoch"] = body.get("epoch", "")
    if body["schema"].startswith("livetomo/retracted/"):
        return PickSet(**common, retracted=True)
    return PickSet(
        **common,
        series=body.get("series", ""),
        voxel_size_angstrom=body["volume"]["voxel_size_angstrom"],
        shape_zyx=tuple(body["volume"]["shape_zyx"]),
        columns=tuple(body["columns"]),
        rows=rows,
        files={_format(file["name"]): RemoteFile(**file) for file in body["files"]},
    )


def _format(name: str) -> str:
    """The export format by a file's name: `picks/ribosome.relion5.star` is relion5."""
    parts = name.rsplit("/", 1)[-1].split(".")
    return parts[-2] if len(parts) > 2 else parts[-1]
