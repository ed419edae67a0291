"""CTF fits: AreTomo's and ctffind's text tables, and Warp's XML."""

from typing import Any
from xml.etree import ElementTree

from livetomo.intake.sidecars.numbers import NotUnderstood, mean, median, number, rows, tidy, tilt_range


def read_ctf_text(text: str) -> dict[str, Any]:
    """Columns: index, defocus 1 and 2 (Å), azimuth, phase shift, score, resolution (Å), and in some the handedness."""
    table = list(rows((line for line in text.splitlines() if not line.lstrip().startswith("#")), 7))
    if not table:
        raise NotUnderstood("no fit in it")
    best = max(table, key=lambda row: row[5])
    facts: dict[str, Any] = {
        "defocus_angstrom": tidy(median((row[1] + row[2]) / 2 for row in table)),
        "ctf_score": tidy(best[5]),
        "ctf_resolution_angstrom": tidy(min(row[6] for row in table)),
        "astigmatism_angstrom": tidy(median(abs(row[1] - row[2]) for row in table)),
    }
    if len(table[0]) > 7 and table[0][7] in (-1, 1):
        facts["defocus_handedness"] = int(table[0][7])
    return facts


def read_warp_xml(text: str) -> dict[str, Any]:
    """A tilt series of Warp: angles, axis, dose, and the defocus at its centre."""
    if "<!" in text:
        raise NotUnderstood("it has a document type or a comment, which Warp does not write")
    try:
        series = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise NotUnderstood(f"not XML: {error}") from None
    if series.tag != "TiltSeries":
        raise NotUnderstood(f"describes a {series.tag}, not a TiltSeries")
    facts: dict[str, Any] = dict(tilt_range(_values(series, "Angles")))
    if axis := _values(series, "AxisAngle"):
        facts["tilt_axis_degrees"] = tidy(mean(axis))
    if dose := _values(series, "Dose"):
        facts["total_dose_electrons_per_angstrom2"] = tidy(max(dose))
    if resolution := number(series.get("CTFResolutionEstimate", "")):
        facts["ctf_resolution_angstrom"] = tidy(resolution)
    fit = {one.get("Name", ""): number(one.get("Value", "")) for one in series.iterfind("CTF/Param")}
    if defocus := fit.get("Defocus"):
        facts["defocus_angstrom"] = tidy(defocus * 1e4)
    if pixel := fit.get("PixelSize"):
        facts["pixel_size_angstrom"] = tidy(pixel)
    return facts


def _values(series: ElementTree.Element, tag: str) -> list[float]:
    return [value for word in series.findtext(tag, "").split() if (value := number(word)) is not None]
