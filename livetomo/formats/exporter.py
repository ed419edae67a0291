"""What an exporter of picks is: a format's writer, and beside it the reader that is its inverse."""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.names import plain
from livetomo.system import registries
from livetomo.system.plugins import Registry

File = TypeVar("File", str, bytes)


class Exporter(Protocol[File]):
    """Writes picks of one feature the way another program reads them; no picks are no rows.

    The files of a format are all text (`Exporter[str]`; it lies on disk in UTF-8), or all bytes (`Exporter[bytes]`).

    What a format cannot hold (volumes, and in some the scores or angles) comes back as unknown; what it holds comes
    back as it was, to the digits that are written.

    counts_in_file: positions are those of the tomogram's file, where that is stored turned, and not of the volume
        turned upright; what does not say so is given the upright volume's.
    """

    name: str
    ending: str
    counts_in_file: bool = False

    def content(self, placed: Placed, feature: str) -> File:
        """The file of one tomogram."""

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, File]:
        """The files of many tomograms, by their paths: what the program is given for a whole session."""

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in these files: its name, or a substitute where the format cannot hold that."""

    def read(self, content: File, frame: Frame) -> Picks:
        """The inverse of `content`.

        Raises:
            BadStar, LookupError, ValueError: it is not what `content` wrote.
        """

    def read_session(self, files: Mapping[str, File], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called; one without picks may be left out.

        Raises:
            BadStar, LookupError, ValueError: it is not what `session` wrote.
        """


class PerTomogram(Exporter[File], Protocol[File]):
    """A format whose session is a file for each tomogram."""

    counts_in_file: bool = True

    @abstractmethod
    def path(self, called: str, feature: str) -> str:
        """Where the file of a tomogram lies."""

    def called(self, frame: Frame) -> str:
        """What the tomogram is called: a part of the file's name."""
        return plain(frame.name)

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, File]:
        return {self.path(self.called(placed.frame), feature): self.content(placed, feature) for placed in sets}

    def read_session(self, files: Mapping[str, File], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        called = {self.called(frame): frame for frame in frames}
        return {name: self.read(files[self.path(name, feature)], frame) for name, frame in called.items()}


@runtime_checkable
class InAFolder(Exporter[File], Protocol):
    """A format whose session's files name each other by path."""

    def at(self, folder: Path) -> "InAFolder[File]":
        """For files that will lie in `folder`."""

    def left_over(self, feature: str, files: Collection[str]) -> Iterable[Path]:
        """What an earlier export has left there that is none of `files`, and would mislead; some may be gone."""

    def lacks(self, sets: Sequence[Placed]) -> Iterable[str]:
        """What a person has to say before the program can use the files: sentences."""


def as_bytes(file: str | bytes) -> bytes:
    """A file as it lies on disk."""
    return file.encode() if isinstance(file, str) else file


def picks_at(
    voxels_xyz: Points, scores: Sequence[float] | Points, euler: npt.NDArray[np.floating] | None = None
) -> Picks:
    """What a reader found: voxel indices x, y, z (n, 3), scores, RELION's angles in degrees; volumes are unknown."""
    score = np.array(scores, np.float32).reshape(-1)
    position = np.array(voxels_xyz, np.float64).reshape(-1, 3)[:, ::-1].astype(np.float32)
    turned = None if euler is None else euler.astype(np.float32)
    return Picks(position, score, np.full(len(score), np.nan, np.float32), turned)


EXPORTERS: Registry[Exporter[Any]] = registries.EXPORTERS
