"""Picks as markers of ChimeraX and Chimera."""

from xml.etree import ElementTree

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram, picks_at
from livetomo.formats.frame import Frame, Placed

_ANGLES = ("rot", "tilt", "psi")
_ORANGE = {"r": "1", "g": "0.6", "b": "0.1"}


class ChimeraxExporter(PerTomogram[str]):
    """A marker file per tomogram: Å from the centre of the first voxel, spheres of the particles' radius.

    ChimeraX puts a map there whose header has the origin 0; one with another origin gets there by `volume #1 origin
    0,0,0`. Score and angles are attributes of their own, which the format allows and which ChimeraX keeps.
    """

    name = "chimerax"
    ending = "cmm"

    def content(self, placed: Placed, feature: str) -> str:
        markers = ElementTree.Element("marker_set", name=f"{feature} of {self.called(placed.frame)}")
        places, scores, angles = placed.corner_xyz_angstrom(), placed.picks.score.astype(float), placed.angles()
        look = {**_ORANGE, "radius": f"{placed.radius_angstrom:.2f}"}
        for number, (where, score) in enumerate(zip(places.tolist(), scores.tolist(), strict=True)):
            marker = {"id": str(number + 1)} | {axis: f"{at:.3f}" for axis, at in zip("xyz", where, strict=True)} | look
            marker["score"] = f"{score:.6f}"
            if angles is not None:
                marker |= {name: f"{angle:.3f}" for name, angle in zip(_ANGLES, angles[number].tolist(), strict=True)}
            ElementTree.SubElement(markers, "marker", marker)
        ElementTree.indent(markers, "")
        return ElementTree.tostring(markers, encoding="unicode") + "\n"

    def path(self, called: str, feature: str) -> str:
        return f"{called}_{feature}.cmm"

    def read(self, content: str, frame: Frame) -> Picks:
        try:
            markers = [marker.attrib for marker in ElementTree.fromstring(content)]
        except ElementTree.ParseError as fault:
            raise ValueError(f"it is no XML ({fault})") from None
        places = np.array([[marker[axis] for axis in "xyz"] for marker in markers], np.float64).reshape(-1, 3)
        euler = None
        if markers and _ANGLES[0] in markers[0]:
            euler = np.array([[marker[name] for name in _ANGLES] for marker in markers], np.float64)
        return picks_at(frame.geometry.of_corner(places), [float(marker["score"]) for marker in markers], euler)
