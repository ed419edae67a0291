"""A star of particles as RELION has it, and Warp like it: its columns, rows, and what they say, read and written."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.names import as_relion_has_it, particle_names, word
from livetomo.formats.particle_columns import ANGLES, FALSE_SHARE, MATCH_SCORE, PARTICLE, SCORE
from livetomo.formats.star import Columns, Row, grouped, loop_text, parse_loops


@dataclass(frozen=True, slots=True)
class OrientationColumns:
    """Where an orientation stands. values: RELION's rot, tilt, psi (n, 3) in these columns; angles: its inverse."""

    names: Sequence[str]
    values: Callable[[Points], Points]
    angles: Callable[[Points], Points]


PLAIN = OrientationColumns(ANGLES, lambda angles: angles, lambda values: values)


def value_columns(sets: Sequence[Placed], orientation: OrientationColumns = PLAIN) -> tuple[str, ...]:
    """Of `particle_rows`, after the position: angles, score; false share and match score where one is known."""
    shares = any(placed.picks.false_share is not None for placed in sets)
    matches = any(placed.picks.match_score is not None for placed in sets)
    known = (*((FALSE_SHARE,) if shares else ()), *((MATCH_SCORE,) if matches else ()))
    return (*(orientation.names if is_oriented(sets) else ()), SCORE, *known)


def particle_rows(
    placed: Placed, name: str | None, position: Points, columns: Sequence[str], orientation: OrientationColumns = PLAIN
) -> list[Row]:
    """A row per pick: name, position, and those of `value_columns`; what is not known is not a number."""
    angles = placed.angles() if orientation.names[0] in columns else None
    turned = position[:, :0] if angles is None else orientation.values(angles)
    values = [turned, placed.picks.score.astype(float)[:, None]]
    for name_of, known in ((FALSE_SHARE, placed.picks.false_share), (MATCH_SCORE, placed.picks.match_score)):
        if name_of in columns:
            values.append(np.full((len(position), 1), np.nan) if known is None else known.astype(float)[:, None])
    first = () if name is None else (name,)
    return [(*first, *row) for row in np.hstack([position, *values]).tolist()]


def is_oriented(sets: Sequence[Placed]) -> bool:
    """Whether angle columns are written: nothing is invented where any picks have none."""
    with_picks = [placed for placed in sets if len(placed.picks)] or sets
    return bool(with_picks) and all(placed.picks.euler is not None for placed in with_picks)


def numbers(columns: Columns, names: Sequence[str]) -> Points:
    """(n, len(names)) the columns of a loop that hold numbers."""
    return np.array([[float(value) for value in columns[name]] for name in names], np.float64).reshape(len(names), -1).T


def picks_of(columns: Columns, voxels_xyz: Points, orientation: OrientationColumns = PLAIN) -> Picks:
    """The inverse of `particle_rows`: picks at these voxels with what scores and angles the columns hold."""
    score = numbers(columns, [SCORE])[:, 0].astype(np.float32)
    euler = None
    if orientation.names[0] in columns:
        euler = orientation.angles(numbers(columns, orientation.names)).astype(np.float32)
    unknown = np.full(len(score), np.nan, np.float32)
    share, match = (_known(columns, name) for name in (FALSE_SHARE, MATCH_SCORE))
    return Picks(voxels_xyz[:, ::-1].astype(np.float32), score, unknown, euler, share, match)


def _known(columns: Columns, name: str) -> npt.NDArray[np.float32] | None:
    """A column, unless it has no number: then it is known of other tomograms in the file."""
    if name not in columns:
        return None
    values = numbers(columns, [name])[:, 0].astype(np.float32)
    return None if np.isnan(values).all() else values


def series_word(frame: Frame) -> str:
    """The tilt series' name as RELION's `rlnTomoName`."""
    return word(frame.name) if frame.tilt_series_name is None else as_relion_has_it(frame.tilt_series_name)


class ParticlesStar(Protocol):
    """A star of particles: what its block and columns are called, and in what its positions count."""

    block: str = "particles"
    name_column: str = "rlnTomoName"
    position: Sequence[str]
    counts_in_file: bool = False
    orientation: OrientationColumns = PLAIN
    is_numbered: bool = False
    """Whether each particle has a name, made of its tomogram's and its number there."""

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in the files."""
        return series_word(frame)

    @abstractmethod
    def places(self, placed: Placed) -> Points:
        """(n, 3) x, y, z as the file has them."""

    @abstractmethod
    def voxels(self, places: Points, frame: Frame) -> Points:
        """The inverse of `places`: (n, 3) x, y, z, voxel indices."""

    def content(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        return self.table([placed])

    def read(self, content: str, frame: Frame) -> Picks:
        """The inverse of `content`."""
        return self.picks(parse_loops(content)[self.block], frame)

    def table(self, sets: Sequence[Placed], among: Sequence[Placed] = ()) -> str:
        """The particles of many tomograms, in the columns of all `among` which they are; by default their own."""
        values = value_columns(among or sets, self.orientation)
        rows = [
            row
            for placed in sets
            for row in particle_rows(placed, self.named(placed), self.places(placed), values, self.orientation)
        ]
        columns = [self.name_column, *self.position, *values]
        if self.is_numbered:
            columns.append(PARTICLE)
            names = particle_names(str(row[0]) for row in rows)
            rows = [(*row, name) for row, name in zip(rows, names, strict=True)]
        return loop_text(self.block, columns, rows)

    def named(self, placed: Placed) -> str:
        """What stands in the column of names."""
        return self.called(placed.frame)

    def read_table(self, text: str, frames: Sequence[Frame]) -> dict[str, Picks]:
        """The inverse of `table`, by what the tomograms are called; those without picks are not in it."""
        groups = grouped(parse_loops(text)[self.block], self.name_column)
        known = {self.named(Placed(Picks.none(), frame)): frame for frame in frames}
        return {self.called(known[name]): self.picks(rows, known[name]) for name, rows in groups.items()}

    def picks(self, columns: Columns, frame: Frame) -> Picks:
        """The particles of one tomogram."""
        return picks_of(columns, self.voxels(numbers(columns, self.position), frame), self.orientation)
