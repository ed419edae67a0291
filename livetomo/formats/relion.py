"""Picks for RELION 5 and RELION 4."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from livetomo.core.picks import Picks
from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.names import plain
from livetomo.formats.particle_columns import CENTRED, CORNER
from livetomo.formats.particles_star import ParticlesStar, series_word
from livetomo.formats.star import loop_text, pairs_text, parse_loops

OPTIMISATION_SET = "optimisation_set.star"
_JOB = re.compile(r"job\d{3,}")
TOMOGRAMS = "tomograms.star"


class Relion5Exporter(ParticlesStar):
    """Å from the tomogram's centre as RELION 5's extraction has it (its Python picker's is a pixel before).

    For a session:

    `<feature>.star`                    the particles.
    `<feature>_import.star`             for *Import coordinates*: tomograms, and in `<feature>_import/` a star for each;
                                        a tomogram without picks is in neither.
    `<feature>_optimisation_set.star`   the particles with RELION's own `tomograms.star`, if all tomograms are of one;
                                        else with a `tomograms.star` of ours, which has no tilt series, and has sizes
                                        if the unbinned pixel size of all is known. `optimisation_set.star` is that of
                                        the first feature.

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
        if not star:
            files[TOMOGRAMS] = _tomograms(sets)
        both = pairs_text(
            "optimisation_set",
            {
                "rlnTomoParticlesFile": self._path(f"{feature}.star", project),
                "rlnTomoTomogramsFile": _from(project, Path(star)) if star else self._path(TOMOGRAMS, project),
            },
        )
        return {**files, f"{feature}_{OPTIMISATION_SET}": both, OPTIMISATION_SET: both}

    def left_over(self, feature: str, files: Collection[str]) -> Iterator[Path]:
        """Stars of tomograms that are no longer in the import list, and our tomograms.star where RELION's is known."""
        for path in (self._folder / f"{feature}_import").glob("*.star"):
            if f"{feature}_import/{path.name}" not in files:
                yield path
        if TOMOGRAMS not in files:
            yield self._folder / TOMOGRAMS

    def lacks(self, sets: Sequence[Placed]) -> Iterator[str]:
        """What a person has to say before RELION can extract these: sentences."""
        stars = sorted({placed.frame.tomograms_star for placed in sets} - {""})
        if len(stars) > 1:
            yield (
                f"The tomograms are in {len(stars)} files of RELION ({', '.join(stars)}). Combine them "
                "(relion_star_handler --combine), and name the result with --tomograms-star."
            )
        elif not relion_tomograms_star(sets):
            yield (
                "RELION's own tomograms.star, which names the tilt series, is not known. Name it with "
                "--tomograms-star, or give the import list (<feature>_import.star) to RELION's job Import, Coordinates."
            )
            if unknown := unknown_pixels(sets):
                more = f" and {len(unknown) - 3} others" if len(unknown) > 3 else ""
                yield (
                    f"Nobody has said the unbinned pixel size of {', '.join(unknown[:3])}{more}: tomograms.star has no "
                    "sizes. Give --pixel-size or --tomograms-star."
                )

    def read_session(self, files: Mapping[str, str], feature: str, frames: Sequence[Frame]) -> Mapping[str, Picks]:
        """The inverse of `session`, by what the tomograms are called.

        Raises:
            LookupError, ValueError: the files do not agree about the tomograms and their numbers.
        """
        read = self.read_table(files[f"{feature}.star"], frames)
        picks = {self.called(frame): read.get(self.called(frame), Picks.none()) for frame in frames}
        if TOMOGRAMS in files:
            listed = parse_loops(files[TOMOGRAMS])["global"]["rlnTomoName"]
            if sorted(listed) != sorted(picks):
                raise ValueError("tomograms.star lists other tomograms")
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


def _tomograms(sets: Sequence[Placed]) -> str:
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
