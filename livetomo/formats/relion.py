"""Picks for RELION 5, RELION 4 and RELION 3.1, and for Warp and M, which read a star like RELION's."""

from collections.abc import Mapping, Sequence

import numpy as np

from livetomo.formats.frame import Placed, Points
from livetomo.formats.star import Row, loop_text, pairs_text

_ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
_CENTRED = ("rlnCenteredCoordinateXAngst", "rlnCenteredCoordinateYAngst", "rlnCenteredCoordinateZAngst")
_CORNER = ("rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ")
_ORIGIN = ("rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst")
_SCORE = "rlnAutopickFigureOfMerit"
OPTIMISATION_SET = "optimisation_set.star"
_OPTICS = (
    "rlnOpticsGroupName", "rlnOpticsGroup", "rlnMicrographPixelSize", "rlnVoltage", "rlnSphericalAberration",
    "rlnAmplitudeContrast",
)  # fmt: skip


def _rows(placed: Placed, name: str | None, position: Points, oriented: bool) -> list[Row]:
    """A row per pick: name, position, angles, score."""
    angles = placed.angles() if oriented else None
    columns = [position.tolist(), (angles if angles is not None else position[:, :0]).tolist()]
    scores = placed.picks.score.astype(float).tolist()
    first = () if name is None else (name,)
    return [(*first, *where, *how, score) for where, how, score in zip(*columns, scores, strict=True)]


def _oriented(sets: Sequence[Placed]) -> bool:
    """Whether angle columns are written: nothing is invented where any picks have none."""
    telling = [placed for placed in sets if len(placed.picks)] or sets
    return bool(telling) and all(placed.picks.euler is not None for placed in telling)


class Relion5:
    """Å from the tomogram's centre, which RELION 5's extraction puts at index n/2 (its Python picker writes n/2 - 1).

    For a session: `<feature>.star`, `tomograms.star` with what is known of each tomogram, and
    `<feature>_optimisation_set.star` that names both; `optimisation_set.star` is that of the first feature.
    Name your own tomograms.star in it if you have one from RELION's reconstruction.
    """

    name = "relion5"
    ending = "star"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        return self._particles([placed])

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        particles = f"{feature}.star"
        both = pairs_text(
            "optimisation_set", {"rlnTomoParticlesFile": particles, "rlnTomoTomogramsFile": "tomograms.star"}
        )
        return {
            particles: self._particles(sets),
            "tomograms.star": _tomograms(sets),
            f"{feature}_{OPTIMISATION_SET}": both,
            OPTIMISATION_SET: both,
        }

    def _particles(self, sets: Sequence[Placed]) -> str:
        oriented = _oriented(sets)
        columns = ["rlnTomoName", *_CENTRED, *(_ANGLES if oriented else ()), _SCORE]
        rows = [
            row
            for placed in sets
            for row in _rows(placed, placed.frame.series, placed.centred_xyz_angstrom(), oriented)
        ]
        return loop_text("particles", columns, rows)


def _tomograms(sets: Sequence[Placed]) -> str:
    columns = (
        "rlnTomoName", "rlnTomoTiltSeriesPixelSize", "rlnTomoTomogramBinning", "rlnTomoSizeX", "rlnTomoSizeY",
        "rlnTomoSizeZ",
    )  # fmt: skip
    frames = [placed.frame for placed in sets]
    rows = {
        frame.series: (frame.series, frame.pixel_angstrom, frame.binning, *frame.unbinned_xyz) for frame in frames
    }  # a tilt series has one row, however many tomograms were made of it
    return loop_text("global", columns, rows.values())


class Relion4:
    """Unbinned pixels from the centre of the first voxel; without a known pixel size, those of the tomogram."""

    name = "relion4"
    ending = "star"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        return self._particles([placed])

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        return {f"{feature}.star": self._particles(sets)}

    def _particles(self, sets: Sequence[Placed]) -> str:
        oriented = _oriented(sets)
        columns = ["rlnTomoName", *_CORNER, *(_ANGLES if oriented else ()), _SCORE]
        rows = [
            row for placed in sets for row in _rows(placed, placed.frame.series, placed.corner_xyz_pixels(), oriented)
        ]
        return loop_text("particles", columns, rows)


class Relion31:
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
        oriented = _oriented([placed])
        columns = [*_CORNER, *_ORIGIN, *(_ANGLES if oriented else ()), _SCORE]
        exact = placed.voxels_xyz()
        shift = (exact.round() - exact) * placed.frame.voxel_size_angstrom
        return loop_text("", columns, _rows(placed, None, np.hstack([exact.round(), shift]), oriented))

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        files = {f"{placed.frame.name}_{feature}.star": self.text(placed, feature) for placed in sets}
        sizes = {placed.frame.name: placed.frame.voxel_size_angstrom for placed in sets}
        return files | {"tomograms.star": tomograms_for_relion31(sizes)}


def tomograms_for_relion31(voxel_sizes_angstrom: Mapping[str, float]) -> str:
    """The `tomograms.star` of RELION 3.1: `<tomogram>.mrc` of each name, an optics group for each voxel size."""
    sizes = sorted(set(voxel_sizes_angstrom.values()))
    optics = [(f"opticsGroup{n}", n, size, 300.0, 2.7, 0.1) for n, size in enumerate(sizes, start=1)]
    names = [(f"{name}.mrc", 1 + sizes.index(size)) for name, size in voxel_sizes_angstrom.items()]
    micrographs = loop_text("micrographs", ("rlnMicrographName", "rlnOpticsGroup"), names)
    version = "# version 30001\n"
    return version + loop_text("optics", _OPTICS, optics) + "\n" + version + micrographs


class Warp:
    """For Warp's and M's `ts_export_particles`: voxels from 0 in the tomogram, to be given with `--coords_angpix`.

    The tilt series is named as Warp's `.tomostar` file. Coordinates centred in Å are refused by it.
    """

    name = "warp"
    ending = "star"

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        return self._particles([placed])

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths: one for each voxel size, since Warp is told one."""
        sizes = sorted({placed.frame.voxel_size_angstrom for placed in sets})
        return {
            f"{feature}_{size:.2f}A.star": self._particles([p for p in sets if p.frame.voxel_size_angstrom == size])
            for size in sizes
        }

    def _particles(self, sets: Sequence[Placed]) -> str:
        oriented = _oriented(sets)
        columns = ["rlnMicrographName", *_CORNER, *(_ANGLES if oriented else ()), _SCORE]
        rows = [
            row
            for placed in sets
            for row in _rows(placed, f"{placed.frame.series}.tomostar", placed.voxels_xyz(), oriented)
        ]
        return loop_text("", columns, rows)
