"""The settings of producers for a whole session: AreTomo3's session and Warp's settings."""

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.intake.sidecars.numbers import NotUnderstood, measured, number, tidy


def read_aretomo_session(text: str) -> SidecarFacts:
    """By how much the first volume of each series is binned; its pixel is that of the frames, which may be finer."""
    try:
        pairs = list(_pairs(json.loads(text)))
    except (ValueError, RecursionError) as fault:
        raise NotUnderstood(f"not JSON: {fault}") from None
    for key, value in pairs:
        if key.lower().lstrip("-") == "atbin":
            first = value[0] if isinstance(value, list) and value else value
            if (binning := measured(str(first))) and binning > 0:
                return SidecarFacts(binning=binning)
    raise NotUnderstood("no AtBin in it")


def read_warp_settings(text: str) -> SidecarFacts:
    """The pixel of the frames, and the extents that every tomogram has in such pixels."""
    if "<!" in text:
        raise NotUnderstood("it has a document type or a comment, which Warp does not write")
    try:
        settings = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise NotUnderstood(f"not XML: {error}") from None
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


def _pairs(body: Any) -> Iterator[tuple[str, Any]]:
    """Every key of objects inside each other."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield key, value
            yield from _pairs(value)
