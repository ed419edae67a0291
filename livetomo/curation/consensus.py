"""Rules that ask another set of picks for the same particles: those of another recipe, or of a star file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from livetomo.core.curation import Distances, Mask, nearest
from livetomo.core.errors import BadStar, ConfigurationError, CurationImpossible
from livetomo.core.picks import Picks
from livetomo.curation.rule import Rule, Surroundings
from livetomo.formats.frame import Frame, Placed, Points
from livetomo.formats.particles_star import ParticlesStar, numbers
from livetomo.formats.relion import Relion4Exporter, Relion5Exporter
from livetomo.formats.star import Columns, grouped, read_loops
from livetomo.formats.warp import WarpExporter

_FORMATS: tuple[ParticlesStar, ...] = (Relion5Exporter(), WarpExporter(), Relion4Exporter())


@dataclass(frozen=True, slots=True)
class KeepAgreedWithRecipe(Rule):
    """Keep what another recipe's result of the same revision has published within a distance.

    recipe: the first 8 digits of its hash, or more.
    """

    recipe: str
    distance_angstrom: float
    name = "consensus"
    asks_result = True

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        distance = nearest(around.of_recipe(self.recipe).position, placed.picks.position)
        size = placed.frame.geometry.voxel_size_angstrom
        return _agreed(distance * size, self.distance_angstrom, f"recipe {self.recipe[:8]}")


@dataclass(frozen=True, slots=True)
class KeepAgreedWithStar(Rule):
    """Keep what a star file has a particle of within a distance.

    source: the file's name. form: the exporter that writes such stars. rows: of each tomogram, by its name there.
    """

    source: str
    form: ParticlesStar
    rows: Mapping[str, Columns]
    distance_angstrom: float
    name = "consensus"
    asks_result = False

    def keeps(self, placed: Placed, around: Surroundings) -> tuple[Mask, str]:
        distance = nearest(self._others_xyz(placed.frame), placed.voxels_xyz())
        size = placed.frame.geometry.voxel_size_angstrom
        return _agreed(distance * size, self.distance_angstrom, self.source)

    def _others_xyz(self, frame: Frame) -> Points:
        """(m, 3) x, y, z: voxel indices."""
        names = (self.form.named(Placed(Picks.none(), frame)), frame.series, frame.name)
        rows = next((self.rows[name] for name in names if name in self.rows), None)
        if rows is None:
            there = ", ".join(sorted(self.rows)[:5]) + (", …" if len(self.rows) > 5 else "")
            raise CurationImpossible(
                f"{self.source} has no particles of {frame.name} (nor of {names[0]}); its tomograms are {there}, and "
                "none of its picks can be compared. Are the names alike?"
            )
        try:
            return self.form.voxels(numbers(rows, self.form.position), frame)
        except ValueError as fault:
            raise CurationImpossible(f"{self.source}: a position in {frame.name} is no number ({fault})") from None


def agreed_with_star(path: Path, distance_angstrom: float) -> KeepAgreedWithStar:
    """The rule for a star file in RELION 5's, RELION 4's or Warp's manner.

    Raises:
        ConfigurationError: it cannot be read, or says neither where particles are nor in which tomogram.
    """
    try:
        tables = list(read_loops(path).values())
    except OSError as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault.strerror})") from None
    except BadStar as fault:
        raise ConfigurationError(f"{path}: is no star file: {fault}") from None
    for form in _FORMATS:
        for table in tables:
            if {form.name_column, *form.position} <= table.keys():
                return KeepAgreedWithStar(path.name, form, grouped(table, form.name_column), distance_angstrom)
    wanted = "; ".join(dict.fromkeys(f"{form.name_column} with {', '.join(form.position)}" for form in _FORMATS))
    raise ConfigurationError(f"{path}: has none of these sets of columns: {wanted}")


def _agreed(angstrom: Distances, most: float, other: str) -> tuple[Mask, str]:
    kept: Mask = angstrom <= most
    return kept, f"without a pick of {other} within {most:g} Å"
