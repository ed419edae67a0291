"""RELION 5's tomograms.star and tilt_series/TS.star."""

from typing import Any

from livetomo.core.errors import BadStar
from livetomo.formats.star import parse_loops
from livetomo.intake.sidecars.numbers import NotUnderstood, median, number, tidy, tilt_range

Table = list[dict[str, str]]


def _tables(text: str) -> list[Table]:
    """Each block's rows by label; a block of single values is one row. Rows that are not whole are left out."""
    try:
        blocks = parse_loops(text, skip_ragged=True)
    except BadStar as fault:
        raise NotUnderstood(str(fault)) from None
    tables = [{name: words for name, words in columns.items() if words} for columns in blocks.values()]
    return [[dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)] for columns in tables]


def read_tomograms_star(text: str, name: str) -> dict[str, Any]:
    """What RELION calls the tomogram `name`: sizes and pixel size of the unbinned tilt series."""
    found = [row for rows in _tables(text) for row in rows if row.get("rlnTomoName") in (name, f"rec_{name}")]
    if not found:
        raise NotUnderstood(f"no row for {name}")
    row = found[-1]
    facts: dict[str, Any] = {"tilt_series_name": row["rlnTomoName"]}
    if pixel := number(row.get("rlnTomoTiltSeriesPixelSize", "")):
        facts["pixel_size_angstrom"] = tidy(pixel)
    if voltage := number(row.get("rlnVoltage", "")):
        facts["voltage_kilovolt"] = tidy(voltage)
    if binning := number(row.get("rlnTomoTomogramBinning", "")):
        facts["binning"] = tidy(binning)
    size = [number(row.get(f"rlnTomoSize{axis}", "")) for axis in "XYZ"]
    if all(size):
        facts["unbinned_size_xyz"] = [int(value or 0) for value in size]
    if hand := number(row.get("rlnTomoHand", "")):
        facts["defocus_handedness"] = int(hand)
    if thickness := number(row.get("rlnTomoTomogramThickness", "")):
        facts["thickness_angstrom"] = tidy(thickness * 10)
    if residual := number(row.get("rlnIMODResidualErrorMean", "")):
        facts["alignment_residual_angstrom"] = tidy(residual * 10)  # nm
    return facts


def read_tilt_series_star(text: str) -> dict[str, Any]:
    """The views of one series."""
    rows = max(_tables(text), key=len, default=[])

    def column(*labels: str) -> list[float]:
        for label in labels:
            values = [value for row in rows if (value := number(row.get(label, ""))) is not None]
            if values:
                return values
        return []

    facts: dict[str, Any] = dict(tilt_range(column("rlnTomoYTilt", "rlnTomoNominalStageTiltAngle")))
    if axis := column("rlnTomoZRot", "rlnTomoNominalTiltAxisAngle"):
        facts["tilt_axis_degrees"] = tidy(median(axis))
    if dose := column("rlnMicrographPreExposure"):
        # Before each view; the last view's own dose is not in it.
        facts["pre_exposure_electrons_per_angstrom2"] = tidy(max(dose))
    if defocus := column("rlnDefocusU"):
        facts["defocus_angstrom"] = tidy(median(defocus))
    if resolution := column("rlnCtfMaxResolution"):
        facts["ctf_resolution_angstrom"] = tidy(min(resolution))
    return facts
