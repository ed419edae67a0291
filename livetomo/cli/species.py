"""Species of particles on the command line: their maps, what is known of these, and how well each is found."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetomo.cli.options import map_tables_option, together
from livetomo.cli.table import print_table
from livetomo.core.errors import ConfigurationError

if TYPE_CHECKING:
    from livetomo.core.particle_map import ParticleMap
    from livetomo.simulate.species import Species


class NamedValue(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
    """`NAME=VALUE`, where the name is that of a species."""

    name = "name=value"

    def __init__(self, value: Callable[[str], Any], wanted: str) -> None:
        self._value, self._wanted = value, wanted

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        try:
            if not equals:
                raise ValueError
            return name, self._value(text)
        except ValueError:
            self.fail(f"{value!r} is not NAME={self._wanted}", param, ctx)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError(text)
    return value


species_options = together(
    click.option(
        "--map",
        "maps",
        type=NamedValue(Path, "FILE.mrc"),
        metavar="NAME=FILE",
        multiple=True,
        required=True,
        help="A species and its density map; once for each species. Its mass or contour must be known, from here or "
        "from files beside it.",
    ),
    click.option(
        "--mass",
        type=NamedValue(_positive, "KDA"),
        metavar="NAME=KDA",
        multiple=True,
        help="Mass of a species, in kDa.",
    ),
    click.option(
        "--contour",
        type=NamedValue(float, "LEVEL"),
        metavar="NAME=LEVEL",
        multiple=True,
        help="Level at which a species' map shows the particle and nothing else, in the map's units.",
    ),
    map_tables_option,
    click.option(
        "--expected",
        type=NamedValue(_positive, "NUMBER"),
        metavar="NAME=PER_UM3",
        multiple=True,
        help="How many particles of a species are expected per µm³. Default: 3,000.",
    ),
)


@dataclass(frozen=True, slots=True)
class SpeciesGiven:
    """What the options of `species_options` say, in their order."""

    maps: tuple[tuple[str, Path], ...]
    mass: tuple[tuple[str, float], ...]
    contour: tuple[tuple[str, float], ...]
    map_tables: Path | None
    expected: tuple[tuple[str, float], ...]

    def read(self) -> dict[str, "ParticleMap"]:
        """The particles by name, each outlined by what is known of its map.

        Raises:
            ConfigurationError: a species is named twice, or only by some of the options, or its name cannot be used.
            UnusableMap: a map shows no particle, or nothing says its mass or contour.
        """
        from livetomo.core.particle_facts import ParticleFacts
        from livetomo.processing.particle_map.read import read_particle_map

        mass, contour = self._by_name(self.mass, "--mass"), self._by_name(self.contour, "--contour")
        self._by_name(self.expected, "--expected")
        particles = {}
        for name, path in _once(self.maps, "--map"):
            _check_name(name)
            given = ParticleFacts(contour.get(name), 1e3 * mass[name] if name in mass else None)
            particles[name] = read_particle_map(path, given, tables=self.map_tables, name=name)
        return particles

    def species(self, particles: Mapping[str, "ParticleMap"]) -> list["Species"]:
        """The same as they are simulated, at the densities expected."""
        from livetomo.simulate.species import DENSITY_PER_UM3, Species
        from livetomo.simulate.templates import MapShape

        densities = self._by_name(self.expected, "--expected")
        return [
            Species(name, MapShape(one), one.radius_of_gyration_angstrom, densities.get(name, DENSITY_PER_UM3))
            for name, one in particles.items()
        ]

    def _by_name(self, pairs: tuple[tuple[str, float], ...], option: str) -> dict[str, float]:
        if unknown := [name for name, _ in pairs if name not in dict(self.maps)]:
            raise ConfigurationError(f"{option} {unknown[0]}: there is no --map of this name")
        return dict(_once(pairs, option))


def _once(pairs: tuple[tuple[str, Any], ...], option: str) -> tuple[tuple[str, Any], ...]:
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigurationError(f"{option} {twice[0]}: is given twice. Give each species once.")
    return pairs


def _check_name(name: str) -> None:
    """It becomes a feature's name in recipes, files and topics."""
    from pydantic import TypeAdapter, ValidationError

    from livetomo.config.recipe.picks import Name
    from livetomo.train.goals import CELLULAR

    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as fault:
        raise ConfigurationError(f"--map {name!r}: {fault.errors()[0]['msg']}") from None
    if name in [goal.feature for goal in CELLULAR if goal.centre is None]:
        raise ConfigurationError(f'--map {name}: simulated cells call something else "{name}". Give another name.')


def print_species_metrics(metrics: Mapping[str, Mapping[str, float]], species: Sequence[str]) -> None:
    """How well each species is found in specimens that chose nothing, and what its picks are taken for."""
    figures = {name: metrics[name] for name in species}
    recalls = [key for key in figures[species[0]] if key.startswith("recall at ")]
    header = ("species", "AP", "F4", *(key.replace("recall at 80 % precision, ", "recall ") for key in recalls))
    rows = [(name, *(_two(of[key]) for key in ("average precision", "F4", *recalls))) for name, of in figures.items()]
    click.echo("\nRecall where 80 % of the picks are right, on simulated specimens that chose nothing:")
    print_table(header, rows)
    click.echo("\nOf the published picks of a species, the share that lies on another, and false ones per µm³ beside:")
    beside = "false picks per µm³, other species apart"
    print_table(
        ("picks of", *species, "precision", "false per µm³"),
        [
            (
                name,
                *(_share_on(of, name, other) for other in species),
                _two(of["precision"]),
                f"{of[beside]:.0f}",
            )
            for name, of in figures.items()
        ],
    )


def _share_on(figures: Mapping[str, float], name: str, other: str) -> str:
    return "-" if other == name else _two(figures[f"share of picks on {other}"])


def _two(share: float) -> str:
    return f"{share:.2f}"
