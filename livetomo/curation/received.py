"""Rules act on a set of picks as a consumer receives it; what else decides is asked of the result, file by file."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from livetomo.core.curation import in_boxes
from livetomo.core.errors import BadManifest, BadStar, CurationImpossible, NotAsPublished, PermanentError
from livetomo.core.exclusion import Box
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.manifest import ResultManifest
from livetomo.core.picks import Picks
from livetomo.core.tilt_series import TiltSeries
from livetomo.curation.dropped import Dropped
from livetomo.curation.labels import LABELS
from livetomo.curation.rule import Rule, kept_by
from livetomo.formats.candidates import candidates_name, has_all_digits, read_candidates
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.mrc import read_volume

# Half of the last digit that a message has, and a little for floating point.
_ROUNDING_ANGSTROM, _ROUNDING_SCORE = 0.051, 5.1e-5


class Received(Protocol):
    """A set of picks, strongest first, in Å from the centre of the first voxel."""

    @property
    def tomogram(self) -> str:
        """Its name."""

    @property
    def feature(self) -> str:
        """Of the picks."""

    @property
    def series(self) -> str:
        """Name of the tomogram in exports; empty if it is the tomogram's."""

    @property
    def tilt_series(self) -> TiltSeries | None:
        """What is known of the tilt series."""

    @property
    def geometry(self) -> TomogramGeometry:
        """Where the tomogram's voxels lie."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of the values in a row."""

    @property
    def rows(self) -> Sequence[Sequence[float]]:
        """A row for each pick."""


class PublishedResult(Protocol):
    """The result that a set is of, as the daemon serves it. Each method may wait for the daemon."""

    def body(self) -> Mapping[str, Any]:
        """The manifest, as JSON, and where picks do not count by now: `excluded`, boxes by feature.

        Raises:
            NotAsPublished: there is no such result any more.
        """

    def content(self, name: str) -> bytes:
        """A file of the result.

        Raises:
            NotAsPublished: it is gone, or is not what was published.
        """

    def path(self, name: str) -> Path | None:
        """The same on disk, for a file that is large; None where it was not published, or is gone."""


def kept_rows(
    rules: Sequence[Rule], received: Received, published: PublishedResult
) -> tuple[Sequence[int], list[Dropped]]:
    """Which rows the rules leave, and what each rule has left out, as `livetomo picks` has it.

    Messages have positions to 0.1 Å and scores to four digits. Where a rule asks the result, all of them have the exact
    ones of its candidates.

    Raises:
        CurationImpossible: the result does not hold what a rule decides by.
        NotAsPublished: it does, and that cannot be read.
    """
    frame = frame_of(received)
    around = _AroundReceived(received.tomogram, received.feature, published, frame)
    picks = _rounded(received)
    if any(rule.asks_result for rule in rules):
        picks = _exact(picks, around.all_published(received.feature), frame.geometry)
    index, dropped = kept_by(rules, Placed(picks, frame), around)
    return index.tolist(), dropped


def frame_of(received: Received) -> Frame:
    """The tomogram as other programs have it, by what its message says."""
    series = received.tilt_series or TiltSeries(received.series or received.tomogram)
    named = series.name if series.is_relions else None
    called = received.tomogram if named is not None else series.name or received.tomogram
    return Frame(called, received.geometry, series.pixel_size_angstrom, named, series.size_xyz, series.hand)


def _rounded(received: Received) -> Picks:
    """The rows as picks; volumes are not known."""
    columns = [received.columns.index(name) for name in ("z_angstrom", "y_angstrom", "x_angstrom", "score")]
    table = np.array([[row[column] for column in columns] for row in received.rows], np.float64).reshape(-1, 4)
    position = received.geometry.of_corner(table[:, :3]).astype(np.float32)
    return Picks(position, table[:, 3].astype(np.float32), np.full(len(table), np.nan, np.float32))


def _exact(rounded: Picks, published: Picks, geometry: TomogramGeometry) -> Picks:
    """Those of the published picks that the rounded ones are; both are in the same order, and the former are more."""
    apart = _ROUNDING_ANGSTROM / geometry.voxel_size_angstrom
    index: list[int] = []
    place = 0
    for position, score in zip(rounded.position, rounded.score, strict=True):
        near = np.abs(published.position[place:] - position).max(axis=1, initial=0.0) <= apart
        near &= np.abs(published.score[place:] - score) <= _ROUNDING_SCORE
        if not near.any():
            raise NotAsPublished("its candidates are not those of its message. Was the folder changed?")
        index.append(place + int(near.argmax()))
        place = index[-1] + 1
    return published.where(np.array(index, np.intp))


class _AroundReceived:
    """What is published around the picks of a set."""

    def __init__(self, tomogram: str, feature: str, published: PublishedResult, frame: Frame) -> None:
        self.tomogram = tomogram
        self.feature = feature
        self._published = published
        self._frame = frame

    @cached_property
    def manifest(self) -> ResultManifest:
        try:
            return ResultManifest.from_json(self._published.body())
        except BadManifest as fault:
            raise NotAsPublished(f"its manifest cannot be read: {fault}. Has the daemon a newer version?") from None

    def has_labels(self) -> bool:
        return self._published.path(LABELS) is not None

    def labels(self) -> npt.NDArray[Any]:
        path = self._published.path(LABELS)
        assert path is not None
        try:
            return read_volume(path).voxels
        except PermanentError as fault:
            raise NotAsPublished(f"its {LABELS} is damaged ({fault})") from None

    def published(self, feature: str) -> Picks:
        picks = self.all_published(feature)
        boxes: Sequence[Box] = [
            {axis: (ends[0], ends[1]) for axis, ends in box.items()}
            for box in self._published.body().get("excluded", {}).get(feature, ())
        ]
        return picks.where(~in_boxes(picks, boxes)) if boxes else picks

    def all_published(self, feature: str) -> Picks:
        """Also those that were taken out since."""
        picked = self.manifest.picks[feature]
        name = candidates_name(feature)
        try:
            text = self._published.content(name).decode()
            candidates = read_candidates(text, self._frame)
        except (BadStar, ValueError) as fault:
            raise NotAsPublished(f"its {name} is damaged ({fault})") from None
        return candidates.above(picked.threshold - (0.0 if has_all_digits(text) else 1e-6))

    def of_recipe(self, recipe: str) -> Picks:
        raise CurationImpossible(f"the picks of recipe {recipe[:8]} are not published beside those of {self.tomogram}")
