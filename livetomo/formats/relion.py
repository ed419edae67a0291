"""Picks for RELION 5 and RELION 4."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path

from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.names import plain
from livetomo.formats.particle_columns import CENTRED, CORNER
from livetomo.formats.particles_star import ParticlesStar, series_word
from livetomo.formats.relion_tilt_series import VIEW_COLUMNS, Missing, global_table, missing, tilt_series_table
from livetomo.formats.star import loop_text, pairs_text, parse_loops

OPTIMISATION_SET = "optimisation_set.star"
_JOB = re.compile(r"job\d{3,}")
TOMOGRAMS = "tomograms.star"
TILT_SERIES = "tilt_series"


class Relion5Exporter(ParticlesStar):
    """Å from the tomogram's centre as RELION 5's extraction has it (its Python picker's is a pixel before).

    For a session:

    `<feature>.star`                    the particles.
    `<feature>_import.star`             for *Import coordinates*: tomograms, and in `<feature>_import/` a star for each;
                                        a tomogram without picks is in neither.
    `<feature>_optimisation_set.star`   the particles with RELION's own `tomograms.star`, if all tomograms are of one;
                                        else with a `tomograms.star` of ours. `optimisation_set.star` is that of the
                                        first feature.
    `tomograms.star`                    of ours: the tomograms of which all is known that RELION needs, and in
                                        `tilt_series/` a star for each. If there is none, it has the names of all, and
                                        sizes if the unbinned pixel size of all is known.
    `<feature>_listed.star`             the particles of those tomograms, which the optimisation set then names; only
                                        where there are particles of others, too.

    Paths are those from the folder of RELION's project where the files lie in it, and else absolute.
    """

    name = "relion5"
    ending = "star"
    position = CENTRED
    is_numbered = True

    def __init__(self, folder: Path = Path()) -> None:
        self._folder = folder

    def at(self, folder: Path) -> "Relion5Exporter":
        """For files that will lie in `folder`, and name each other."""
        return type(self)(folder)

    def session(self, sets: Sequence[Placed], feature: str) -> Mapping[str, str]:
        """The files of many tomograms, by their paths."""
        star = relion_tomograms_star(sets)
        project = _project_of(star)
        files = {f"{feature}.star": self.table(sets), **self._import_list(sets, feature, project)}
        particles = f"{feature}.star"
        if not star:
            files |= self._tomograms(sets)
            listed = complete_frames(sets)
            if listed and any(len(placed.picks) and series_word(placed.frame) not in listed for placed in sets):
                particles = _listed(feature)
                part = [placed for placed in sets if series_word(placed.frame) in listed]
                files[particles] = self.table(part, among=sets)
        both = pairs_text(
            "optimisation_set",
            {
                "rlnTomoParticlesFile": self._path(particles, project),
                "rlnTomoTomogramsFile": _from(project, Path(star)) if star else self._path(TOMOGRAMS, project),
            },
        )
        return {**files, f"{feature}_{OPTIMISATION_SET}": both, OPTIMISATION_SET: both}

    def left_over(self, feature: str, files: Collection[str]) -> Iterator[Path]:
        """Stars of tomograms that are no longer in the import list, and our tomograms.star where RELION's is known.

        A tilt series' star that nothing names any more stays: the folder may have such stars of RELION's own.
        """
        for path in (self._folder / f"{feature}_import").glob("*.star"):
            if f"{feature}_import/{path.name}" not in files:
                yield path
        for name in (TOMOGRAMS, _listed(feature)):
            if name not in files:
                yield self._folder / name

    def lacks(self, sets: Sequence[Placed]) -> Iterator[str]:
        """What a person has to say before RELION can extract these: sentences."""
        stars = sorted({placed.frame.tomograms_star for placed in sets} - {""})
        if len(stars) > 1:
            yield (
                f"The tomograms are in {len(stars)} files of RELION ({', '.join(stars)}). Combine them "
                "(relion_star_handler --combine), and name the result with --tomograms-star."
            )
        elif not relion_tomograms_star(sets) and (lacking := _lacking(sets)):
            unlisted = sorted({name for names in lacking.values() for name in names})
            yield (
                "RELION's own tomograms.star, which names the tilt series, is not known, and ours cannot list "
                f"{_several(unlisted)}. Give what is said below, or name RELION's with --tomograms-star, or give the "
                "import list (<feature>_import.star) to RELION's job Import, Coordinates."
            )
            for each, names in lacking.items():
                why = f" ({names[0]}: {each.why})" if each.why else ""
                yield f"Of {_several(names)} {each.what}{why}. {each.how}"
            if (unknown := unknown_pixels(sets)) and not complete_frames(sets):
                yield (
                    f"Nobody has said the unbinned pixel size of {_several(unknown)}: tomograms.star has no sizes. "
                    "Give --pixel-size or --tomograms-star."
                )

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called.

        Raises:
            LookupError, ValueError: the files do not agree about the tomograms and their numbers.
        """
        read = self.read_table(files[f"{feature}.star"], frames)
        picks = {self.called(frame): read.get(self.called(frame), Picks.none()) for frame in frames}
        if TOMOGRAMS in files:
            listed = parse_loops(files[TOMOGRAMS])["global"]
            names, stars = listed["rlnTomoName"], listed.get("rlnTomoTiltSeriesStarFile")
            if (set(names) - set(picks)) if stars else (sorted(names) != sorted(picks)):
                raise ValueError("tomograms.star lists other tomograms")
            _read_tilt_series(files, names if stars else [])
            if _listed(feature) in files:
                part = self.read_table(files[_listed(feature)], frames)
                if {name: len(those) for name, those in part.items()} != {
                    name: len(picks[name]) for name in names if len(picks[name])
                }:
                    raise ValueError(f"{_listed(feature)} has other particles")
        imported = Counter(dict.fromkeys(picks, 0))
        paths = parse_loops(files[f"{feature}_import.star"])[""]["rlnTomoImportParticleFile"]
        for path in paths:
            rows = parse_loops(files[f"{feature}_import/{Path(path).name}"])[self.block][self.name_column]
            imported.update(rows)
        if imported != Counter({name: len(those) for name, those in picks.items()}):
            raise ValueError("the import list has other particles")
        return picks

    def places(self, placed: Placed) -> Points:
        """Å from the centre."""
        return placed.centred_xyz_angstrom()

    def voxels(self, places: Points, frame: Frame) -> Points:
        """The inverse of `places`."""
        return frame.voxels_of_centred(places)

    def _import_list(self, sets: Sequence[Placed], feature: str, project: Path | None) -> Mapping[str, str]:
        """The list, and a star for each tilt series that has picks.

        All stars have the same columns: RELION refuses a list of which some have orientations of subtomograms.
        """
        by_series: dict[str, list[Placed]] = {}
        for placed in sets:
            if len(placed.picks):
                by_series.setdefault(self.called(placed.frame), []).append(placed)
        files = {f"{feature}_import/{plain(name)}.star": those for name, those in by_series.items()}
        rows = [(name, self._path(path, project)) for name, path in zip(by_series, files, strict=True)]
        columns = ("rlnTomoName", "rlnTomoImportParticleFile")
        return {f"{feature}_import.star": loop_text("", columns, rows)} | {
            path: self.table(those, among=sets) for path, those in files.items()
        }

    def _tomograms(self, sets: Sequence[Placed]) -> Mapping[str, str]:
        """Our tomograms.star, and the stars that it names."""
        frames = complete_frames(sets)
        if not frames:
            return {TOMOGRAMS: _names_and_sizes(sets)}
        stars = {name: f"{TILT_SERIES}/{name}.star" for name in frames}
        paths = {name: self._path(star, None) for name, star in stars.items()}
        tables = {stars[name]: tilt_series_table(name, frame, _stack(frame)) for name, frame in frames.items()}
        return {TOMOGRAMS: global_table(frames, paths), **tables}

    def _path(self, file: str, project: Path | None) -> str:
        return _from(project, (self._folder / file).absolute())


def relion_tomograms_star(sets: Sequence[Placed]) -> str:
    """RELION's own file, where it is that of all of them."""
    stars = {placed.frame.tomograms_star for placed in sets}
    return stars.pop() if len(stars) == 1 else ""


def unknown_pixels(sets: Sequence[Placed]) -> list[str]:
    """The tomograms whose unbinned pixel size nobody has said."""
    return [placed.frame.name for placed in sets if placed.frame.pixel_size_angstrom is None]


def _project_of(star: str) -> Path | None:
    """The folder in which RELION runs, by a job's tomograms.star (Tomograms/job005); None if no job has written it."""
    job = Path(star).parent
    return job.parents[1] if _JOB.fullmatch(job.name) and len(job.parents) > 1 else None


def _from(project: Path | None, path: Path) -> str:
    return str(path.relative_to(project) if project is not None and path.is_relative_to(project) else path)


def complete_frames(sets: Sequence[Placed]) -> Mapping[str, Frame]:
    """The tomograms of which all is known that RELION needs, by their tilt series' names."""
    frames = {series_word(placed.frame): placed.frame for placed in sets}
    return {name: frame for name, frame in frames.items() if not any(missing(name, frame))}


def _lacking(sets: Sequence[Placed]) -> Mapping[Missing, list[str]]:
    """Which facts are missing, of which tomograms."""
    lacking: dict[Missing, list[str]] = {}
    for name, frame in {series_word(placed.frame): placed.frame for placed in sets}.items():
        for each in missing(name, frame):
            lacking.setdefault(each, []).append(name)
    return lacking


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} others" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"


def _listed(feature: str) -> str:
    return f"{feature}_listed.star"


def _stack(frame: Frame) -> str:
    assert frame.tilt_images is not None
    return frame.tilt_images.stack


def _read_tilt_series(files: Mapping[str, str], names: Sequence[str]) -> None:
    """Read the star of each tilt series back.

    Raises:
        LookupError, ValueError: one is not there, or has no views.
    """
    for name in names:
        views = parse_loops(files[f"{TILT_SERIES}/{name}.star"])[name]
        if not all(isfinite(float(word)) for label in VIEW_COLUMNS[1:] for word in views[label]) or not views:
            raise ValueError(f"{name}.star has no views, or views that are not numbers")


def _names_and_sizes(sets: Sequence[Placed]) -> str:
    """A row for each tilt series, however many tomograms were made of it; sizes where all of them are known."""
    frames = {series_word(placed.frame): placed.frame for placed in sets}
    if unknown_pixels(sets):
        return loop_text("global", ("rlnTomoName",), ((name,) for name in frames))
    columns = (
        "rlnTomoName", "rlnTomoTiltSeriesPixelSize", "rlnTomoTomogramBinning", "rlnTomoSizeX", "rlnTomoSizeY",
        "rlnTomoSizeZ",
    )  # fmt: skip
    rows = [(name, frame.pixel_angstrom, frame.binning, *frame.unbinned_xyz) for name, frame in frames.items()]
    return loop_text("global", columns, rows)


class Relion4Exporter(ParticlesStar):
    """Unbinned pixels from the centre of the first voxel; without a known pixel size, those of the tomogram."""

    name = "relion4"
    ending = "star"
    position = CORNER

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
