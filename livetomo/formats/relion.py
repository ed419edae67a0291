"""Picks for RELION 5, RELION 4 and RELION 3.1, and for Warp and M, which read a star like RELION's."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from livetomo.formats.exporter import PerTomogram
from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.names import as_relion_has_it, plain, word
from livetomo.formats.star import Columns, Row, grouped, loop_text, pairs_text, parse_loops
from livetomo.picks import Picks

ANGLES = ("rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi")
CENTRED = ("rlnCenteredCoordinateXAngst", "rlnCenteredCoordinateYAngst", "rlnCenteredCoordinateZAngst")
_CORNER = ("rlnCoordinateX", "rlnCoordinateY", "rlnCoordinateZ")
_ORIGIN = ("rlnOriginXAngst", "rlnOriginYAngst", "rlnOriginZAngst")
SCORE = "rlnAutopickFigureOfMerit"
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


def _numbers(columns: Columns, names: Sequence[str]) -> Points:
    """(n, len(names)) the columns of a loop that hold numbers."""
    return np.array([[float(value) for value in columns[name]] for name in names], np.float64).reshape(len(names), -1).T


def _picks(columns: Columns, voxels_xyz: Points) -> Picks:
    """The inverse of `_rows`: picks at these voxels with what scores and angles the columns hold."""
    score = _numbers(columns, [SCORE])[:, 0].astype(np.float32)
    euler = _numbers(columns, ANGLES).astype(np.float32) if ANGLES[0] in columns else None
    return Picks(voxels_xyz[:, ::-1].astype(np.float32), score, np.full(len(score), np.nan, np.float32), euler)


def _series_word(frame: Frame) -> str:
    """The tilt series' name as RELION's `rlnTomoName`."""
    return word(frame.name) if frame.tilt_series_name is None else as_relion_has_it(frame.tilt_series_name)


class _ParticlesStar(Protocol):
    """A star of particles: what its block and columns are called, and in what its positions count."""

    block: str = "particles"
    name_column: str = "rlnTomoName"
    position: Sequence[str]

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in the files."""
        return _series_word(frame)

    @abstractmethod
    def places(self, placed: Placed) -> Points:
        """(n, 3) x, y, z as the file has them."""

    @abstractmethod
    def voxels(self, places: Points, frame: Frame) -> Points:
        """The inverse of `places`: (n, 3) x, y, z, voxel indices."""

    def text(self, placed: Placed, feature: str) -> str:
        """The file of one tomogram."""
        return self.table([placed])

    def read(self, text: str, frame: Frame) -> Picks:
        """The inverse of `text`."""
        return self.picks(parse_loops(text)[self.block], frame)

    def table(self, sets: Sequence[Placed]) -> str:
        """The particles of many tomograms."""
        oriented = _oriented(sets)
        columns = [self.name_column, *self.position, *(ANGLES if oriented else ()), SCORE]
        rows = [row for placed in sets for row in _rows(placed, self.named(placed), self.places(placed), oriented)]
        return loop_text(self.block, columns, rows)

    def named(self, placed: Placed) -> str:
        """What stands in the column of names."""
        return self.called(placed.frame)

    def read_table(self, text: str, frames: Sequence[Frame]) -> dict[str, Picks]:
        """The inverse of `table`, by what the tomograms are called; those without picks are not in it."""
        groups = grouped(parse_loops(text)[self.block], self.name_column)
        known = {self.named(Placed(Picks.none(), frame)): frame for frame in frames}
        return {self.called(known[name]): self.picks(rows, known[name]) for name, rows in groups.items()}

    def picks(self, columns: Columns, frame: Frame) -> Picks:
        """The particles of one tomogram."""
        return _picks(columns, self.voxels(_numbers(columns, self.position), frame))


class Relion5(_ParticlesStar):
    """Å from the tomogram's centre, which RELION 5's extraction puts at index n/2 (its Python picker writes n/2 - 1).

    For a session: `<feature>.star`, `tomograms.star` with what is known of each tomogram, and
    `<feature>_optimisation_set.star` that names both; `optimisation_set.star` is that of the first feature.
    Name your own tomograms.star in it if you have one from RELION's reconstruction.
    """

    name = "relion5"
    ending = "star"
    position = CENTRED

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        particles = f"{feature}.star"
        both = pairs_text(
            "optimisation_set", {"rlnTomoParticlesFile": particles, "rlnTomoTomogramsFile": "tomograms.star"}
        )
        return {
            particles: self.table(sets),
            "tomograms.star": _tomograms(sets),
            f"{feature}_{OPTIMISATION_SET}": both,
            OPTIMISATION_SET: both,
        }

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called; each must be in the list of tomograms."""
        listed = parse_loops(files["tomograms.star"])["global"]["rlnTomoName"]
        read = self.read_table(files[f"{feature}.star"], frames)
        return {name: read.get(name, Picks.none()) for name in listed}

    def places(self, placed: Placed) -> Points:
        """Å from the centre."""
        return placed.centred_xyz_angstrom()

    def voxels(self, places: Points, frame: Frame) -> Points:
        """The inverse of `places`."""
        return frame.voxels_of_centred(places)


def _tomograms(sets: Sequence[Placed]) -> str:
    columns = (
        "rlnTomoName", "rlnTomoTiltSeriesPixelSize", "rlnTomoTomogramBinning", "rlnTomoSizeX", "rlnTomoSizeY",
        "rlnTomoSizeZ",
    )  # fmt: skip
    frames = {_series_word(placed.frame): placed.frame for placed in sets}
    # a tilt series has one row, however many tomograms were made of it
    rows = [(name, frame.pixel_angstrom, frame.binning, *frame.unbinned_xyz) for name, frame in frames.items()]
    return loop_text("global", columns, rows)


class Relion4(_ParticlesStar):
    """Unbinned pixels from the centre of the first voxel; without a known pixel size, those of the tomogram."""

    name = "relion4"
    ending = "star"
    position = _CORNER

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        return {f"{feature}.star": self.table(sets)}

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called."""
        return self.read_table(files[f"{feature}.star"], frames)

    def places(self, placed: Placed) -> Points:
        """Unbinned pixels from the first voxel."""
        return placed.corner_xyz_pixels()

    def voxels(self, places: Points, frame: Frame) -> Points:
        """The inverse of `places`."""
        return frame.voxels_of_pixels(places)


class Relion31(PerTomogram):
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
        columns = [*_CORNER, *_ORIGIN, *(ANGLES if oriented else ()), SCORE]
        exact = placed.voxels_xyz()
        shift = (exact.round() - exact) * placed.frame.voxel_size_angstrom
        return loop_text("", columns, _rows(placed, None, np.hstack([exact.round(), shift]), oriented))

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        sizes = {self.called(placed.frame): placed.frame.voxel_size_angstrom for placed in sets}
        return {**super().session(sets, feature), "tomograms.star": tomograms_for_relion31(sizes)}

    def path(self, called: str, feature: str) -> str:
        """Where the file of a tomogram lies."""
        return f"{called}_{feature}.star"

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in the files."""
        return plain(frame.name)

    def read(self, text: str, frame: Frame) -> Picks:
        """The inverse of `text`."""
        columns = parse_loops(text)[""]
        shift = _numbers(columns, _ORIGIN) / frame.voxel_size_angstrom
        return _picks(columns, _numbers(columns, _CORNER) - shift)


def tomograms_for_relion31(voxel_sizes_angstrom: Mapping[str, float]) -> str:
    """The `tomograms.star` of RELION 3.1: `<tomogram>.mrc` of each name, an optics group for each voxel size."""
    sizes = sorted(set(voxel_sizes_angstrom.values()))
    optics = [(f"opticsGroup{n}", n, size, 300.0, 2.7, 0.1) for n, size in enumerate(sizes, start=1)]
    names = [(f"{name}.mrc", 1 + sizes.index(size)) for name, size in voxel_sizes_angstrom.items()]
    micrographs = loop_text("micrographs", ("rlnMicrographName", "rlnOpticsGroup"), names)
    version = "# version 30001\n"
    return version + loop_text("optics", _OPTICS, optics) + "\n" + version + micrographs


class Warp(_ParticlesStar):
    """For Warp's and M's `ts_export_particles`: voxels from 0 in the tomogram, to be given with `--coords_angpix`.

    The tilt series is named as Warp's `.tomostar` file. Coordinates centred in Å are refused by it.
    """

    name = "warp"
    ending = "star"
    block = ""
    name_column = "rlnMicrographName"
    position = _CORNER

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths: one for each voxel size, since Warp is told one."""
        by_path: dict[str, list[Placed]] = {}
        for placed in sorted(sets, key=lambda placed: placed.frame.voxel_size_angstrom):
            by_path.setdefault(self._path(placed.frame, feature), []).append(placed)
        return {path: self.table(those) for path, those in by_path.items()}

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called."""
        read: dict[str, Picks] = {}
        for path in dict.fromkeys(self._path(frame, feature) for frame in frames):
            read |= self.read_table(files[path], [frame for frame in frames if self._path(frame, feature) == path])
        return read

    def called(self, frame: Frame) -> str:
        """What the tomogram is called in the files."""
        return plain(frame.series)

    def named(self, placed: Placed) -> str:
        """The name of Warp's own file."""
        return f"{self.called(placed.frame)}.tomostar"

    def places(self, placed: Placed) -> Points:
        """Voxels from the first one."""
        return placed.voxels_xyz()

    def voxels(self, places: Points, frame: Frame) -> Points:
        """The inverse of `places`."""
        return places

    @staticmethod
    def _path(frame: Frame, feature: str) -> str:
        """Two digits of the voxel size, and two more where these do not tell it."""
        size = round(frame.voxel_size_angstrom, 4)
        return f"{feature}_{size:.2f}A.star" if size == round(size, 2) else f"{feature}_{size:.4f}A.star"
