"""Writes a session's files in a format: read back before they take the place of the old ones, each replaced whole."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from livetomo.core.errors import ExportDiffers, LivetomoError
from livetomo.formats.copick import COPICK_CONFIG, config_text
from livetomo.formats.exporter import EXPORTERS, Exporter, InAFolder, as_bytes
from livetomo.formats.frame import Placed
from livetomo.formats.relion import OPTIMISATION_SET
from livetomo.formats.stored_frame import in_frame_of
from livetomo.results.left_out import LeftOut, refuse
from livetomo.system.atomic_write import replace_bytes, replace_text

NAMES = "tomogram_names.json"
"""Beside the files: which tomogram a substitute of a name stands for. Only where there are substitutes."""


def write_session(
    sets: Sequence[Placed],
    feature: str,
    format_name: str,
    output: Path,
    *,
    is_first: bool = True,
    leave_out: Callable[[LeftOut], None] = refuse,
) -> list[Path]:
    """Write a session's files in a format; each is replaced whole, so that a reader never sees half of one.

    is_first:  the session's `optimisation_set.star` is this feature's, where the format has one.
    leave_out: hears of a tomogram that would be called like another one in these files.

    Raises:
        ExportDiffers: what was made does not hold what it should; the old files are still there.
    """
    exporter = EXPORTERS[format_name]
    if isinstance(exporter, InAFolder):
        exporter = exporter.at(output)
    sets = [in_frame_of(exporter, placed) for placed in _distinct(exporter, sets, leave_out)]
    files = exporter.session(sets, feature)
    _read_back(exporter, files, feature, sets)
    written = []
    for name, file in files.items():
        if name == OPTIMISATION_SET and not is_first:
            continue
        _replace(output / name, as_bytes(file))
        written.append(output / name)
    if isinstance(exporter, InAFolder):
        for path in exporter.left_over(feature, files):
            path.unlink(missing_ok=True)
    if exporter.name == "copick" and sets:
        written.append(_write_project(output / COPICK_CONFIG, feature, sets[0].radius_angstrom))
    return written + _write_names(exporter, sets, output)


def read_names(output: Path) -> Mapping[str, str]:
    """The names of tomograms by what stands for them in the files in `output`; none where all stand as they are."""
    try:
        names: Mapping[str, str] = json.loads((output / NAMES).read_bytes())
    except FileNotFoundError:
        return {}
    return names


def _replace(path: Path, content: bytes) -> None:
    """What is there already is not written again: a session has hundreds of files, of which few change."""
    if not path.is_file() or path.stat().st_size != len(content) or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(path, content)


def _write_project(path: Path, feature: str, radius_angstrom: float) -> Path:
    """What makes the files in this folder a project of copick; one for all features, so that each is added to it."""
    try:
        old = path.read_bytes().decode() if path.exists() else None
        text = config_text(str(path.parent.resolve()), feature, radius_angstrom, old)
    except (LookupError, TypeError, ValueError) as fault:
        raise ExportDiffers(f"{path} is no configuration of copick ({fault}). Repair it, or remove it") from fault
    replace_text(path, text)
    return path


def _distinct(
    exporter: Exporter[Any], sets: Sequence[Placed], leave_out: Callable[[LeftOut], None]
) -> Sequence[Placed]:
    """Without those that would be called as another tilt series is: their particles would become that one's."""
    first: dict[str, str] = {}
    kept = []
    for placed in sets:
        called, series = exporter.called(placed.frame), placed.frame.series
        if first.setdefault(called, series) == series:
            kept.append(placed)
        else:
            why = f"in this format it would be called {called}, as {first[called]} is"
            leave_out(LeftOut(placed.frame.name, ExportDiffers(f"{placed.frame.name}: {why}")))
    return kept


def _read_back(exporter: Exporter[Any], files: Mapping[str, str | bytes], feature: str, sets: Sequence[Placed]) -> None:
    wanted: Counter[str] = Counter()
    for placed in sets:
        wanted[exporter.called(placed.frame)] += len(placed.picks)
    try:
        back = exporter.read_session(files, feature, [placed.frame for placed in sets])
    except (LivetomoError, LookupError, ValueError) as fault:
        raise ExportDiffers(
            f"{exporter.name} of {feature} cannot be read back ({fault}); the old files are kept"
        ) from fault
    found = Counter({name: len(picks) for name, picks in back.items()})
    if +found != +wanted:
        name = next(iter((wanted - found) + (found - wanted)))
        raise ExportDiffers(
            f"{exporter.name} of {feature} holds {found[name]} picks of {name}, where {wanted[name]} were written; "
            "the old files are kept"
        )


def _write_names(exporter: Exporter[Any], sets: Sequence[Placed], output: Path) -> list[Path]:
    """Every name that has a substitute. Those of other features and formats that are written there stay in it."""
    names = {}
    for placed in sets:
        frame, called = placed.frame, exporter.called(placed.frame)
        if called not in (frame.name, frame.series):
            names[called] = frame.name
    if not names:
        return []
    text = json.dumps(dict(sorted({**read_names(output), **names}.items())), indent=1) + "\n"
    replace_bytes(output / NAMES, text.encode())
    return [output / NAMES]
