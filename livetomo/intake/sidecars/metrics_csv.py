"""AreTomo3's TiltSeries_Metrics.csv: one row for each series, written after its volumes; columns differ by version."""

import csv
import io
from typing import Any

from livetomo.intake.sidecars.numbers import NotUnderstood, number, tidy

METRICS_FILE = "TiltSeries_Metrics.csv"
_SERIES = "tilt_series"
# By the column's name without its unit, in lower case. The heading "Cs(nm)" is in truth in mm.
_FACTS = {
    "tilt_axis": "tilt_axis_degrees",
    "bad_patch_low": "bad_patch_low_tilt_fraction",
    "bad_patch_all": "bad_patch_fraction",
    "defocus": "defocus_angstrom",
    "extphase": "phase_shift_degrees",
    "ctf_res": "ctf_resolution_angstrom",
    "ctf_score": "ctf_score",
    "df_hand": "defocus_handedness",
    "pix_size": "pixel_size_angstrom",
    "cs": "spherical_aberration_mm",
    "kv": "voltage_kilovolt",
    "alpha0": "alpha_offset_degrees",
    "beta0": "beta_offset_degrees",
}
_MAY_BE_ZERO = {"tilt_axis", "bad_patch_low", "bad_patch_all", "extphase", "alpha0", "beta0"}
_IN_PIXELS = {"thickness": "thickness_angstrom", "global_shift": "global_shift_angstrom"}


def series_with_metrics(text: str) -> set[str]:
    """The series that have a whole row: one that is being written does not count yet."""
    return {_name(row) for row in _rows(text)} if text else set()


def read_metrics(text: str, series: str) -> dict[str, Any]:
    """What the last row of `series` says: one that was processed again is appended again."""
    found = [row for row in _rows(text) if _name(row) == series]
    if not found:
        raise NotUnderstood(f"no row for {series}")
    row = found[-1]
    facts = {
        fact: tidy(value)
        for key, fact in _FACTS.items()
        if (value := number(row.get(key, ""))) is not None and (value or key in _MAY_BE_ZERO)
    }
    pixel = facts.get("pixel_size_angstrom")
    for key, fact in _IN_PIXELS.items():
        if pixel and (value := number(row.get(key, ""))):
            facts[fact] = tidy(value * pixel)
    if not any(number(row.get(key, "")) for key in ("bad_patch_low", "bad_patch_all")):
        # Nothing bad at all is what it says where no patches were used.
        facts.pop("bad_patch_low_tilt_fraction", None)
        facts.pop("bad_patch_fraction", None)
    return dict(facts)


def _name(row: dict[str, str]) -> str:
    return row[_SERIES].removesuffix(".mrc").removesuffix(".st")


def _rows(text: str) -> list[dict[str, str]]:
    """The whole rows, cells without their padding, by column names without their units."""
    lines = text.splitlines(keepends=True)
    whole = [line for line in lines if line.endswith(("\n", "\r"))]
    table = [[cell.strip() for cell in row] for row in csv.reader(io.StringIO("".join(whole)))]
    if not table:
        return []
    heading = [name.partition("(")[0].lower() for name in table[0]]
    if _SERIES not in heading:
        return []
    return [dict(zip(heading, row, strict=False)) for row in table[1:] if len(row) == len(heading) and row[0]]
