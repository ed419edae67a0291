"""Boxes in which picks are kept, from a JSON or a CSV file.

{"TS_01": [{"x": [0, 500], "z": [20, 90]}], "*": [{"z": [30, 120]}]}

tomogram,x_low,x_high,y_low,y_high,z_low,z_high
TS_01,0,500,,,20,90
*,,,,,30,120
"""

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from livetomo.core.errors import ConfigurationError
from livetomo.core.exclusion import AXES, Box

Boxes = Mapping[str, list[Box]]
_COLUMNS = ("tomogram", *(f"{axis}_{end}" for axis in AXES for end in ("low", "high")))


def read_boxes(path: Path) -> Boxes:
    """The boxes of each tomogram, by its name; those of "*" are for each that has none of its own.

    Raises:
        ConfigurationError: names the file, the place in it and what would be right.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault.strerror})") from None
    except UnicodeDecodeError as fault:
        raise ConfigurationError(f"{path}: is not UTF-8 text (byte {fault.start}). Is it the right file?") from None
    try:
        boxes = _of_csv(text) if path.suffix.lower() == ".csv" else _of_json(text)
    except ValueError as fault:
        raise ConfigurationError(f"{path}: {fault}") from None
    if not any(boxes.values()):
        raise ConfigurationError(f"{path}: has no box, so that no pick would be kept")
    return boxes


def _of_json(text: str) -> Boxes:
    try:
        body = json.loads(text)
    except ValueError as fault:
        raise ValueError(f"is no JSON ({fault}); if it is a table, end its name in .csv") from None
    if not isinstance(body, dict) or not all(isinstance(boxes, list) for boxes in body.values()):
        raise ValueError('write {"TS_01": [{"x": [0, 500], "z": [20, 90]}]}: a list of boxes by each name')
    return {name: [_box(box, f"box {number} of {name}") for number, box in enumerate(boxes, start=1)]
            for name, boxes in body.items()}  # fmt: skip


def _box(body: Any, where: str) -> Box:
    if not isinstance(body, dict) or not body.keys() <= set(AXES):
        raise ValueError(f'{where}: write ranges of x, y or z, like {{"x": [0, 500], "z": [20, 90]}}')
    return {axis: _range(body[axis], f"{where}, {axis}") for axis in AXES if axis in body}


def _range(ends: Any, where: str) -> tuple[float, float]:
    is_pair = isinstance(ends, list) and len(ends) == 2 and all(type(end) in (int, float) for end in ends)
    if not is_pair or not ends[0] <= ends[1]:  # which is false of NaN, too
        raise ValueError(f"{where}: write two voxel indices, the lower one first, like [20, 90]")
    return float(ends[0]), float(ends[1])


def _of_csv(text: str) -> Boxes:
    rows = csv.DictReader(text.splitlines(), restkey="more")
    if not rows.fieldnames or not {"tomogram"} <= set(rows.fieldnames) <= set(_COLUMNS):
        raise ValueError(f"its first line must name the column tomogram, and of these what is needed: {_COLUMNS[1:]}")
    boxes: dict[str, list[Box]] = {}
    for row in rows:
        where = f"line {rows.line_num}"
        if "more" in row or None in row.values():
            raise ValueError(f"{where}: has more or fewer values than the first line has columns")
        box: Box = {axis: _ends(row, axis, where) for axis in AXES if row.get(f"{axis}_low") or row.get(f"{axis}_high")}
        boxes.setdefault(row["tomogram"], []).append(box)
    return boxes


def _ends(row: Mapping[str, str], axis: str, where: str) -> tuple[float, float]:
    """An end that is not said is open."""
    try:
        low = float(row.get(f"{axis}_low") or -math.inf)
        high = float(row.get(f"{axis}_high") or math.inf)
    except ValueError:
        raise ValueError(f"{where}: an end of {axis} is no number") from None
    if not low <= high:
        raise ValueError(f"{where}: {axis}_low is above {axis}_high")
    return low, high
