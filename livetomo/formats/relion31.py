"""Picks for RELION 3.1."""

from collections.abc import Mapping, Sequence

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import PerTomogram
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.particle_columns import CORNER
from livetomo.formats.particles_star import numbers, particle_rows, picks_of, value_columns
from livetomo.formats.star import loop_text, parse_loops

_ORIGIN = ("rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst")
_OPTICS = (
    "rlnOpticsGroupName", "rlnOpticsGroup", "rlnMicrographPixelSize", "rlnVoltage", "rlnSphericalAberration",
    "rlnAmplitudeContrast",
)  # fmt: skip


class Relion31Exporter(PerTomogram):
    """One coordinate star per tomogram, voxels of that tomogram from 0: what `relion_preprocess --extract` reads.

    It cuts coordinates down to whole voxels, so whole ones are written, and what is left goes into rlnOrigin*Angst: the
    shift that its averaging applies. For a session: `<tomogram>_<feature>.star` each, and `tomograms.star`, whose
    micrographs are named `<tomogram>.mrc`: run RELION where the tomograms lie under these names, with `--coord_suffix
    _<feature>.star`. Microscope values are placeholders (300 kV, 2.7 mm, 0.1): extraction and reconstruction without
    CTF do not use them.
    """

    name = "relion31"
    ending = "star"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        values = value_columns([placed])
        exact = placed.voxels_xyz()
        shift = placed.frame.geometry.corner(exact.round() - exact)
        rows = particle_rows(placed, None, np.hstack([exact.round(), shift]), values)
        return loop_text("", [*CORNER, *_ORIGIN, *values], rows)

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        sizes = {self.called(placed.frame): placed.frame.geometry.voxel_size_angstrom for placed in sets}
        return {**super().session(sets, feature), "tomograms.star": tomograms_for_relion31(sizes)}

    def path(self, called: str, feature: str) -> str:
        """Where the file of a tomogram lies."""
        return f"{called}_{feature}.star"

    def read(self, text: str, frame: Frame) -> Picks:
        """The inverse of `text`."""
        columns = parse_loops(text)[""]
        shift = frame.geometry.of_corner(numbers(columns, _ORIGIN))
        return picks_of(columns, numbers(columns, CORNER) - shift)


def tomograms_for_relion31(voxel_sizes_angstrom: Mapping[str, float]) -> str:
    """The `tomograms.star` of RELION 3.1: `<tomogram>.mrc` of each name, an optics group for each voxel size."""
    sizes = sorted(set(voxel_sizes_angstrom.values()))
    optics = [(f"opticsGroup{n}", n, size, 300.0, 2.7, 0.1) for n, size in enumerate(sizes, start=1)]
    names = [(f"{name}.mrc", 1 + sizes.index(size)) for name, size in voxel_sizes_angstrom.items()]
    micrographs = loop_text("micrographs", ("rlnMicrographName", "rlnOpticsGroup"), names)
    version = "# version 30001\n"
    return version + loop_text("optics", _OPTICS, optics) + "\n" + version + micrographs
