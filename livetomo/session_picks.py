"""The picks of a whole session, from its result folders: each tomogram's newest, in a stable order, in any format."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from livetomo.errors import ConfigurationError
from livetomo.files import replace_text
from livetomo.formats.export import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.star import read_loops
from livetomo.manifest import MANIFEST, read_manifest
from livetomo.picks import Picks

_CENTRED = ("rlnCenteredCoordinateXAngst", "rlnCenteredCoordinateYAngst", "rlnCenteredCoordinateZAngst")
_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


@dataclass(frozen=True, slots=True)
class Result:
    """A result folder and its manifest."""

    folder: Path
    manifest: Mapping[str, Any]


def newest_results(session: Path) -> list[Result]:
    """The newest result of each tomogram below a session's folder, by the tomograms' names.

    Newest is the highest revision, and of several recipes the last one that finished.

    Raises:
        ConfigurationError: there is no result.
    """
    newest: dict[str, tuple[tuple[int, str], Result]] = {}
    for path in sorted(session.glob(f"tomograms/*/r*-*/{MANIFEST}")):
        result = Result(path.parent, read_manifest(path.parent))
        age = (result.manifest["revision"], result.manifest["finished"])
        name = result.manifest["tomogram"]["name"]
        if name not in newest or age > newest[name][0]:
            newest[name] = (age, result)
    if not newest:
        raise ConfigurationError(
            f"{session}: holds no results; name the folder of a session, in which there is a folder `tomograms`"
        )
    return [newest[name][1] for name in sorted(newest)]


def features(results: Iterable[Result]) -> list[str]:
    """The features that any of them has picks of."""
    return sorted({feature for result in results for feature in result.manifest["picks"]})


def read_picks(
    results: Iterable[Result], feature: str, *, threshold: float | None = None, pixel_size_angstrom: float | None = None
) -> list[Placed]:
    """The picks of `feature` in each result that looked for it: those it published, or those above another threshold.

    They are read from the candidates, so that the threshold can be moved without picking again.
    """
    sets = []
    for result in results:
        if feature not in result.manifest["picks"]:
            continue
        volume = result.manifest["volume"]
        z, y, x = volume["shape_zyx"]
        frame = Frame(
            result.manifest["tomogram"]["name"], (z, y, x), volume["voxel_size_angstrom"], pixel_size_angstrom
        )
        candidates = _read_relion5(result.folder / "candidates" / f"{feature}.relion5.star", frame)
        published = result.manifest["picks"][feature]["threshold"]
        # scores are written to six digits: what was just above the threshold must not fall below it on its way back
        sets.append(Placed(candidates.above((published if threshold is None else threshold) - 1e-6), frame))
    return sets


def write_session(sets: Sequence[Placed], feature: str, format_name: str, output: Path) -> list[Path]:
    """Write a session's files in a format; each is replaced whole, so that a reader never sees half of one."""
    written = []
    for name, text in EXPORTERS[format_name].session(sets, feature).items():
        path = output / name
        replace_text(path, text)
        written.append(path)
    return written


def _read_relion5(path: Path, frame: Frame) -> Picks:
    columns = read_loops(path)["particles"]
    position = np.array([[float(word) for word in columns[name]] for name in _CENTRED]).reshape(3, -1).T
    position = position[:, ::-1] / frame.voxel_size_angstrom + np.array(frame.shape_zyx) / 2
    score = np.array([float(word) for word in columns["rlnAutopickFigureOfMerit"]], np.float32)
    euler = None
    if _ANGLES[0] in columns:
        euler = np.array([[float(word) for word in columns[name]] for name in _ANGLES], np.float32).reshape(3, -1).T
    return Picks(position.astype(np.float32), score, np.full(len(score), np.nan, np.float32), euler)
