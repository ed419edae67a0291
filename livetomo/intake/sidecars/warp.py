"""Warp's XML: of a tilt series, and its settings for a whole session."""

from xml.etree import ElementTree

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.intake.sidecars.numbers import NotUnderstood, mean, measured, number, tidy, tilt_range


def read_warp_xml(text: str) -> SidecarFacts:
    """A tilt series of Warp: angles, axis, dose, and the defocus at its centre."""
    series = _tree(text)
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


def read_warp_settings(text: str) -> SidecarFacts:
    """The pixel of the frames, and the extents that every tomogram has in such pixels."""
    settings = _tree(text)
    values = {
        (part.tag, each.get("Name", "")): number(each.get("Value", ""))
        for part in settings.iter()
        for each in part.iterfind("Param")
    }
    pixel = values.get(("Import", "PixelSize"))
    size = [values.get(("Tomo", f"Dimensions{axis}")) for axis in "XYZ"]
    if not pixel or pixel <= 0:
        raise NotUnderstood("no PixelSize in it")
    known = tuple(int(side) for side in size if side and side > 0)
    return SidecarFacts(planned_pixel_size_angstrom=tidy(pixel), planned_size_xyz=known if len(known) == 3 else None)


def _tree(text: str) -> ElementTree.Element:
    if "<!" in text:
        raise NotUnderstood("it has a document type or a comment, which Warp does not write")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise NotUnderstood(f"not XML: {error}") from None


def _values(series: ElementTree.Element, tag: str) -> list[float]:
    return [value for word in series.findtext(tag, "").split() if (value := number(word)) is not None]
