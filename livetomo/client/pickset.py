"""The picks of one feature in one tomogram, as a consumer gets them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from livetomo.core.exclusion import Box
from livetomo.core.false_share import FalseShare
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.json_object import JsonObject
from livetomo.core.quality.metric import Verdict, is_worse
from livetomo.core.tilt_series import TiltSeries
from livetomo.curation.dropped import Dropped

ANGLE_NAMES = ("rot", "tilt", "psi")
"""Columns of orientations: RELION's rot, tilt and psi (intrinsic ZYZ), in degrees."""


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
    rows:    all picks, whether or not they came in the message; none if the set is `retracted` or `left_out`.
    files:   files of the result, by export format.
    series:  name of the tomogram in exports, if it is another one there.
    tilt_series: what is known of the tilt series; None in sets of older daemons.
    centre_angstrom: what positions in the set's file for RELION 5 count from; None: from the volume's middle.
    epoch:   numbering that `seq` belongs to; a new one means that the catalog was restored or rebuilt.
    false_share: how many of the published picks are expected to be false; None if it was not estimated (then
        `false_share_missing` says why), and of a set that was cut. The column false_share is for all rows up to each.
    verdict:  of the tomogram.
    excluded: parts of the tomogram that people have taken out, which `rows` are without, but `files` are not: lowest
        and highest voxel index by axis; `{}` is all of it.
    left_out: why none of its picks is taken: a sentence; empty where they are.
    curated:  how many picks each rule of curation has left out, and why.
    beside:   where picks of other features did not count when rules asked for these, by feature.
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
    tilt_series: TiltSeries | None = None
    centre_angstrom: tuple[float, float, float] | None = None
    false_share: FalseShare | None = None
    false_share_missing: str = ""
    verdict: Verdict = "unjudged"
    excluded: tuple[Box, ...] = ()
    left_out: str = ""
    curated: tuple[Dropped, ...] = ()
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def geometry(self) -> TomogramGeometry:
        """Where the tomogram's voxels lie."""
        return TomogramGeometry(self.shape_zyx, self.voxel_size_angstrom)

    def centred_xyz_angstrom(self) -> list[tuple[float, float, float]]:
        """Positions in Å from the centre that RELION 5's extraction uses: see `TiltSeries.centre_xyz_angstrom`."""
        x, y, z = (self.columns.index(f"{axis}_angstrom") for axis in "xyz")
        series = self.tilt_series or TiltSeries(self.series)
        middle = series.centre_xyz_angstrom(self.geometry)
        return [(row[x] - middle[0], row[y] - middle[1], row[z] - middle[2]) for row in self.rows]

    def scores(self) -> list[float]:
        """The score of each row."""
        column = self.columns.index("score")
        return [row[column] for row in self.rows]

    def angles(self) -> list[tuple[float, float, float]] | None:
        """RELION's rot, tilt and psi of each row, in degrees; None where the picks have no orientation."""
        if not all(name in self.columns for name in ANGLE_NAMES):
            return None
        rot, tilt, psi = (self.columns.index(name) for name in ANGLE_NAMES)
        return [(row[rot], row[tilt], row[psi]) for row in self.rows]

    def false_shares(self) -> list[float] | None:
        """Of each row, the expected share of false picks among it and all stronger ones; None where it is not known."""
        if "false_share" not in self.columns:
            return None
        column = self.columns.index("false_share")
        return [row[column] for row in self.rows]

    def up_to_false_share(self, most: float) -> "PickSet":
        """The strongest rows, among which at most this share is expected to be false; none where it is not known."""
        shares = self.false_shares() or ()
        rows = tuple(row for row, share in zip(self.rows, shares, strict=False) if share <= most)
        return replace(self, rows=rows, false_share=None)

    def from_score(self, least: float) -> "PickSet":
        """The strongest rows: those with at least this score."""
        rows = tuple(row for row, score in zip(self.rows, self.scores(), strict=True) if score >= least)
        return replace(self, rows=rows, false_share=None)

    def up_to_verdict(self, worst: Verdict) -> "PickSet":
        """Without rows where the tomogram's verdict is worse, or all of it was taken out."""
        if {} in self.excluded:
            return replace(self, rows=(), left_out=f"{self.feature} is excluded")
        if is_worse(self.verdict, worst):
            return replace(self, rows=(), left_out=f"its verdict is {self.verdict}")
        return self

    def expected_false(self) -> float | None:
        """How many of the rows are expected to be false; None where it is not known."""
        shares = self.false_shares()
        return None if shares is None else len(shares) * max(shares, default=0.0)


def pickset_of(body: Mapping[str, Any], feature: str, rows: tuple[tuple[float, ...], ...]) -> PickSet:
    """What a picks or retracted payload says, with all rows.

    Raises:
        LookupError, TypeError, ValueError, AttributeError: it is no such payload.
    """
    common = {key: body[key] for key in ("event_id", "seq", "time", "watch", "session", "tomogram", "revision")}
    common |= {"recipe_hash": body["recipe_hash"], "result_id": body["result_id"], "feature": feature}
    common["epoch"] = body.get("epoch", "")
    if body["schema"].startswith("livetomo/retracted/"):
        return PickSet(**common, retracted=True)
    volume, series = body["volume"], body.get("tilt_series")
    centre = volume.get("centre_angstrom")
    return PickSet(
        **common,
        series=body.get("series", ""),
        tilt_series=TiltSeries.from_json(JsonObject(series)) if series else None,
        centre_angstrom=tuple(centre) if centre else None,
        false_share=FalseShare.from_json(JsonObject(share)) if (share := body.get("false_share")) else None,
        false_share_missing=body.get("false_share_missing", ""),
        voxel_size_angstrom=volume["voxel_size_angstrom"],
        shape_zyx=tuple(volume["shape_zyx"]),
        columns=tuple(body["columns"]),
        rows=rows,
        verdict=body.get("verdict", "unjudged"),
        excluded=tuple({axis: tuple(ends) for axis, ends in box.items()} for box in body.get("excluded", ())),
        files={_format(file["name"]): RemoteFile(**file) for file in body["files"]},
    )


def _format(name: str) -> str:
    """The export format by a file's name: `picks/ribosome.relion5.star` is relion5."""
    parts = name.rsplit("/", 1)[-1].split(".")
    return parts[-2] if len(parts) > 2 else parts[-1]
