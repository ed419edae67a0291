"""Read what EMDB's header file of a map (`emd-1234.xml`, schemas 1.9 and 3) says of the particle in it."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from livetomo.core.errors import ConfigurationError
from livetomo.core.particle_facts import ParticleFacts
from livetomo.core.symmetry import point_group

_MOST_BYTES = 2**24
_DALTON = {"MDa": 1e6, "kDa": 1e3, "Da": 1.0}  # a helix has kDa/nm, which is no mass
_MAP_NAME = re.compile(r"emd_(?P<number>\d{4,})", re.ASCII | re.IGNORECASE)


def emdb_header_names(stem: str) -> tuple[str, ...]:
    """What EMDB calls the header of the map `emd_1234.map`; none where the map has another name."""
    found = _MAP_NAME.fullmatch(stem)
    return (f"emd-{found['number']}.xml", f"emd-{found['number']}-v30.xml") if found else ()


def read_emdb_header(path: Path) -> ParticleFacts:
    """The recommended contour, the weight of the whole sample and the symmetry that was applied, where they are there.

    Raises:
        ConfigurationError: it is no such file.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES)
        root = ElementTree.fromstring(text)
    except OSError as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault.strerror})") from None
    except ElementTree.ParseError as fault:
        raise ConfigurationError(f"{path}: is not XML: {fault}") from None
    if root.tag not in ("emd", "emdEntry"):
        raise ConfigurationError(f'{path}: is not a header of EMDB: its element is "{root.tag}", not "emd"')
    return ParticleFacts(
        contour=next(_contours(root), None),
        mass_dalton=next(_masses(root), None),
        symmetry=next(_symmetries(root), None),
    )


def _contours(root: ElementTree.Element) -> Iterator[float]:
    """The primary one first."""
    listed = root.findall("./map/contour_list/contour")
    for contour in sorted(listed, key=lambda one: one.get("primary", "").lower() != "true"):
        yield from _numbers(contour.find("level"))
    yield from _numbers(root.find("./map/contourLevel"))


def _masses(root: ElementTree.Element) -> Iterator[float]:
    """Of the sample as a whole: what has no parent; measured before calculated."""
    for whole in root.iterfind("./sample/supramolecule_list/*"):
        if whole.findtext("parent", "0").strip() != "0":
            continue
        for kind in ("experimental", "theoretical"):
            weight = whole.find(f"./molecular_weight/{kind}")
            if weight is not None and (unit := _DALTON.get(weight.get("units", "MDa"))):
                yield from (unit * value for value in _numbers(weight) if value > 0)
    for tag in ("molWtExp", "molWtTheo"):
        weight = root.find(f"./sample/{tag}")
        if weight is not None and (unit := _DALTON.get(weight.get("units", "MDa"))):
            yield from (unit * value for value in _numbers(weight) if value > 0)


def _symmetries(root: ElementTree.Element) -> Iterator[str]:
    for element in (*root.iter("point_group"), *root.iter("appliedSymmetry")):
        try:
            yield point_group((element.text or "").strip())
        except ValueError:
            continue  # helical, two-dimensional, or free text


def _numbers(element: ElementTree.Element | None) -> Iterator[float]:
    try:
        value = float((element.text or "") if element is not None else "")
    except ValueError:
        return
    if math.isfinite(value):
        yield value
