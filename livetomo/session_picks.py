"""The picks of a whole session, from its result folders: each tomogram's newest, in a stable order, in any format."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from livetomo.errors import ConfigurationError
from livetomo.files import replace_text
from livetomo.formats.export import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.relion import OPTIMISATION_SET
from livetomo.formats.star import read_loops
from livetomo.manifest import MANIFEST, read_manifest
from livetomo.picks import Picks
from livetomo.stages.calibrate import calibrated

METADATA = "metadata.json"
_CENTRED = ("rlnCenteredCoordinateXAngst", "rlnCenteredCoordinateYAngst", "rlnCenteredCoordinateZAngst")
_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")


@dataclass(frozen=True, slots=True)
class Result:
    """A result folder, its manifest, and what sidecars say of its tilt series by now."""

    folder: Path
    manifest: Mapping[str, Any]
    metadata: Mapping[str, Any]


def read_result(folder: Path, metadata: Mapping[str, Any]) -> Result:
    """The result in `folder`; where nothing is known by now, what was known when it was made counts."""
    manifest = read_manifest(folder)
    return Result(folder, manifest, metadata or manifest.get("metadata", {}))


def write_metadata(results: Iterable[Result], session: Path) -> None:
    """Leave what is known of each result in the session's folder, for those who read it without the catalog."""
    known = {result.manifest["result_id"]: result.metadata for result in results}
    replace_text(session / METADATA, json.dumps(known, ensure_ascii=False, indent=1) + "\n")


def _known_metadata(session: Path) -> Mapping[str, Mapping[str, Any]]:
    """The inverse of `write_metadata`; nothing where no daemon has written it."""
    try:
        known: Mapping[str, Mapping[str, Any]] = json.loads((session / METADATA).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return known


def newest_results(session: Path) -> list[Result]:
    """The newest result of each tomogram below a session's folder, by the tomograms' names.

    Newest is the highest revision, and of several recipes the last one that finished.

    Raises:
        ConfigurationError: there is no result.
    """
    newest: dict[str, tuple[tuple[int, str], Result]] = {}
    known = _known_metadata(session)
    for path in sorted(session.glob(f"tomograms/*/r*-*/{MANIFEST}")):
        result = read_result(path.parent, {})
        result = replace(result, metadata=known.get(result.manifest["result_id"]) or result.metadata)
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


def first_feature(results: Iterable[Result]) -> str | None:
    """The feature that the recipe of the last finished result picks first: what a session is foremost about."""
    for result in sorted(results, key=lambda result: str(result.manifest["finished"]), reverse=True):
        for feature in result.manifest["picks"]:
            return str(feature)
    return None


def read_picks(
    results: Iterable[Result],
    feature: str,
    *,
    threshold: float | None = None,
    pixel_size_angstrom: float | None = None,
    everywhere: bool = False,
    calibrate: bool = False,
) -> list[Placed]:
    """The picks of `feature` in each result that looked for it: those it published, or those above another threshold.

    They are read from the candidates, so that the threshold can be moved without picking again. `everywhere`: results
    that did not look for it have none of it, instead of being left out. `calibrate`: scores are made comparable between
    the tomograms before the threshold decides, see `stages/calibrate.py`; it is done too where the recipe asks for it.
    """
    results = list(results)
    sets: list[Placed] = []
    thresholds: list[float] = []
    for result in results:
        is_told = feature in result.manifest["picks"]
        if not is_told and not everywhere:
            continue
        volume = result.manifest["volume"]
        z, y, x = volume["shape_zyx"]
        frame = Frame.told(
            result.manifest["tomogram"]["name"],
            (z, y, x),
            volume["voxel_size_angstrom"],
            result.metadata,
            pixel_size_angstrom=pixel_size_angstrom,
        )
        if not is_told:
            sets.append(Placed(Picks.none(), frame))
            thresholds.append(1.0)
            continue
        candidates = _read_relion5(result.folder / "candidates" / f"{feature}.relion5.star", frame)
        published = result.manifest["picks"][feature]["threshold"]
        # scores are written to six digits: what was just above the threshold must not fall below it on its way back
        thresholds.append((published if threshold is None else threshold) - 1e-6)
        sets.append(Placed(candidates, frame))
    if calibrate or asks_for_calibration(results, feature):
        told = calibrated([placed.picks.score for placed in sets])
        sets = [
            replace(placed, picks=replace(placed.picks, score=score)) for placed, score in zip(sets, told, strict=True)
        ]
    return [replace(placed, picks=placed.picks.above(least)) for placed, least in zip(sets, thresholds, strict=True)]


def asks_for_calibration(results: Iterable[Result], feature: str) -> bool:
    """Whether the recipe of the last finished result that looked for the feature has it calibrated."""
    telling = [result for result in results if feature in result.manifest["picks"]]
    if not telling:
        return False
    last = max(telling, key=lambda result: str(result.manifest["finished"]))
    rules = last.manifest["recipe"]["settings"].get("curate", ())
    return any(rule["rule"] == "calibrate" and rule["feature"] == feature for rule in rules)


def write_session(
    sets: Sequence[Placed], feature: str, format_name: str, output: Path, *, is_first: bool = True
) -> list[Path]:
    """Write a session's files in a format; each is replaced whole, so that a reader never sees half of one.

    `is_first`: the session's `optimisation_set.star` is this feature's, where the format has one.
    """
    written = []
    for name, text in EXPORTERS[format_name].session(sets, feature).items():
        if name == OPTIMISATION_SET and not is_first:
            continue
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
