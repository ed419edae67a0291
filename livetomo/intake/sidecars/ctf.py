"""CTF fits: AreTomo's and ctffind's text tables, and Warp's XML."""

from xml.etree import ElementTree

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.intake.sidecars.numbers import NotUnderstood, mean, measured, median, number, rows, tidy, tilt_range


def read_ctf_text(text: str) -> SidecarFacts:
    """Columns: index, defocus 1 and 2 (Å), azimuth, phase shift, score, resolution (Å), and in some the handedness."""
    table = list(rows((line for line in text.splitlines() if not line.lstrip().startswith("#")), 7))
    if not table:
        raise NotUnderstood("no fit in it")
    best = max(table, key=lambda row: row[5])
    return SidecarFacts(
        defocus_angstrom=tidy(median((row[1] + row[2]) / 2 for row in table)),
        ctf_score=tidy(best[5]),
        ctf_resolution_angstrom=tidy(min(row[6] for row in table)),
        astigmatism_angstrom=tidy(median(abs(row[1] - row[2]) for row in table)),
        defocus_handedness=int(table[0][7]) if len(table[0]) > 7 and table[0][7] in (-1, 1) else None,
    )


def read_warp_xml(text: str) -> SidecarFacts:
    """A tilt series of Warp: angles, axis, dose, and the defocus at its centre."""
    if "<!" in text:
        raise NotUnderstood("it has a document type or a comment, which Warp does not write")
    try:
        series = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise NotUnderstood(f"not XML: {error}") from None
    if series.tag != "TiltSeries":
        raise NotUnderstood(f"describes a {series.tag}, not a TiltSeries")
    axis, dose = _values(series, "AxisAngle"), _values(series, "Dose")
    fit = {one.get("Name", ""): one.get("Value", "") for one in series.iterfind("CTF/Param")}
    return tilt_range(_values(series, "Angles")) | SidecarFacts(
        tilt_axis_degrees=tidy(mean(axis)) if axis else None,
        total_dose_electrons_per_angstrom2=tidy(max(dose)) if dose else None,
        ctf_resolution_angstrom=measured(series.get("CTFResolutionEstimate", "")),
        defocus_angstrom=measured(fit.get("Defocus", ""), unit=1e4),
        pixel_size_angstrom=measured(fit.get("PixelSize", "")),
    )


def _values(series: ElementTree.Element, tag: str) -> list[float]:
    return [value for word in series.findtext(tag, "").split() if (value := number(word)) is not None]
