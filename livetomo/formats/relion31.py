"""Picks for RELION 3.1."""

from collections.abc import Mapping, Sequence

import numpy as np

from livetomo.core.picks import Picks
from livetomo.formats.exporter import Exporter
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.names import plain_path, relion_file
from livetomo.formats.particle_columns import CORNER
from livetomo.formats.particles_star import numbers, particle_rows, picks_of, value_columns
from livetomo.formats.star import loop_text, parse_loops

_ORIGIN = ("rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst")
_OPTICS = (
    "rlnOpticsGroupName", "rlnOpticsGroup", "rlnMicrographPixelSize", "rlnVoltage", "rlnSphericalAberration",
    "rlnAmplitudeContrast",
)  # fmt: skip


class Relion31Exporter(Exporter[str]):
    """One coordinate star per tomogram, voxels of that tomogram from 0: what `relion_preprocess --extract` reads.

    It cuts coordinates down to whole voxels, so whole ones are written, and what is left goes into rlnOrigin*Angst: the
    shift that its averaging applies. For a session: a star each, and `tomograms.star`, whose micrographs are the
    tomograms' own files. RELION looks for coordinates below `--coord_dir` under the micrograph's whole path, so there
    they lie: those of `/data/TS_01.mrc` in `data/TS_01_<feature>.star`. Run it anywhere with `--coord_dir` this folder
    and `--coord_suffix _<feature>.star`.

    A tomogram whose path is not known, is not one plain word or does not end in `.mrc`, by which alone RELION knows the
    format, is called `<tomogram>.mrc`: put it, or a link to it, where RELION runs. Microscope values are placeholders
    (300 kV, 2.7 mm, 0.1): extraction and reconstruction without CTF do not use them.
    """

    name = "relion31"
    ending = "star"
    counts_in_file = True

    def content(self, placed: Placed, feature: str) -> str:
        values = value_columns([placed])
        exact = placed.voxels_xyz()
        shift = placed.frame.geometry.corner(exact.round() - exact)
        rows = particle_rows(placed, None, np.hstack([exact.round(), shift]), values)
        return loop_text("", [*CORNER, *_ORIGIN, *values], rows)

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        sizes = {self.micrograph(placed.frame): placed.frame.geometry.voxel_size_angstrom for placed in sets}
        stars = {self.path(placed.frame, feature): self.content(placed, feature) for placed in sets}
        return {**stars, "tomograms.star": tomograms_for_relion31(sizes)}

    def called(self, frame: Frame) -> str:
        return relion_file(frame.name)

    def micrograph(self, frame: Frame) -> str:
        """What RELION knows the tomogram by, without `.mrc`: its file's path, or a name."""
        path = plain_path(frame.path)
        return path.removesuffix(".mrc") if path and path.endswith(".mrc") else self.called(frame)

    def path(self, frame: Frame, feature: str) -> str:
        """Where the file of a tomogram lies."""
        return f"{self.micrograph(frame).removeprefix('/')}_{feature}.star"

    def read(self, content: str, frame: Frame) -> Picks:
        columns = parse_loops(content)[""]
        shift = frame.geometry.of_corner(numbers(columns, _ORIGIN))
        return picks_of(columns, numbers(columns, CORNER) - shift)

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        return {self.called(frame): self.read(files[self.path(frame, feature)], frame) for frame in frames}


def tomograms_for_relion31(voxel_sizes_angstrom: Mapping[str, float]) -> str:
    """The `tomograms.star` of RELION 3.1: `<name>.mrc` of each name or path, an optics group for each voxel size."""
    sizes = sorted(set(voxel_sizes_angstrom.values()))
    optics = [(f"opticsGroup{n}", n, size, 300.0, 2.7, 0.1) for n, size in enumerate(sizes, start=1)]
    names = [(f"{name}.mrc", 1 + sizes.index(size)) for name, size in voxel_sizes_angstrom.items()]
    micrographs = loop_text("micrographs", ("rlnMicrographName", "rlnOpticsGroup"), names)
    version = "# version 30001\n"
    return version + loop_text("optics", _OPTICS, optics) + "\n" + version + micrographs
