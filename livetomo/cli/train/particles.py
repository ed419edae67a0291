"""`livetomo train particles`: a picker for several species, from their density maps alone."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetomo.cli.options import (
    FOLDER,
    VOXEL_SIZE,
    device_option,
    json_option,
    map_tables_option,
    model_option,
    number,
)
from livetomo.cli.table import print_table
from livetomo.core.errors import ConfigurationError

if TYPE_CHECKING:
    from livetomo.config.model_card import Card
    from livetomo.core.particle_map import ParticleMap
    from livetomo.train.particles import Length, ParticleOptions

_MINUTES_CPU, _MINUTES_GPU = 60.0, 10.0


class Named(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
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


@click.command(
    "particles",
    epilog="Example:  livetomo train particles --map p97=emd_1.map --mass p97=540 --map ribosome=emd_2.map runs/mine",
)
@click.argument("folder", type=FOLDER)
@click.option(
    "--map",
    "maps",
    type=Named(Path, "FILE.mrc"),
    metavar="NAME=FILE",
    multiple=True,
    required=True,
    help="A species and its density map; once for each species. Its mass or its contour must be known: from here, or "
    "from files beside it.",
)
@click.option(
    "--mass", type=Named(_positive, "KDA"), metavar="NAME=KDA", multiple=True, help="Mass of a species, in kDa."
)
@click.option(
    "--contour",
    type=Named(float, "LEVEL"),
    metavar="NAME=LEVEL",
    multiple=True,
    help="Level at which a species' map shows the particle and nothing else, in the map's units.",
)
@map_tables_option
@click.option(
    "--expected",
    type=Named(_positive, "NUMBER"),
    metavar="NAME=PER_UM3",
    multiple=True,
    help="How many particles of a species are expected per µm³. Default: 3,000.",
)
@click.option("--name", default="particles", show_default=True, help="Name of the model.")
@model_option(
    "--from", "start", default="cellular", help="A model to begin with: one that comes with livetomo, or a file."
)
@click.option("--from-nothing", is_flag=True, help="Begin with a fresh network.")
@click.option(
    "--voxel-size",
    type=VOXEL_SIZE,
    help="Voxel size that the network works on, in Å. Default: 10 to 14, by the smallest species.",
)
@click.option(
    "--base", type=click.IntRange(1, 128), help="Channels at full resolution. Default: those of --from, or 16."
)
@number("--levels", 4, 1, 6)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="How long to train: steps are timed first, and as many are made as fit. Default: 60, on a GPU 10.",
)
@click.option("--steps", type=click.IntRange(1), help="How many steps to train, in place of --minutes.")
@number("--batch", 4, 1)
@number("--patch", 48, 8, help="Side of a training piece in voxels.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Default: 0.003, or 0.002 with --from.")
@number("--seed", 1, 0, 2**28)
@number("--pool", 32, 1, help="Number of specimens in memory.")
@number("--held-out", 8, 1, help="Number of specimens by which the network is judged; they choose nothing.")
@click.option(
    "--workers", type=click.IntRange(0), default=0, help="Number of processes that simulate; 0: one per core but one."
)
@device_option
@json_option("Print the card as JSON.")
def particles(
    folder: Path,
    maps: tuple[tuple[str, Path], ...],
    mass: tuple[tuple[str, float], ...],
    contour: tuple[tuple[str, float], ...],
    map_tables: Path | None,
    expected: tuple[tuple[str, float], ...],
    name: str,
    start: Path,
    from_nothing: bool,
    voxel_size: float | None,
    base: int | None,
    minutes: float | None,
    steps: int | None,
    device: str,
    as_json: bool,
    **more: Any,
) -> None:
    """Train a picker in FOLDER from density maps; called again with the same options, it goes on where it was stopped.

    Species are simulated at the densities expected, among each other, membranes, gold, ice, carbon and other shapes.
    The results are FOLDER/NAME.safetensors, a model package whose card says how well each species is found in
    simulated specimens that were not learned from, and FOLDER/NAME.toml, a recipe that picks all of them.
    """
    from livetomo.config.model_card import read_card
    from livetomo.simulate.species import DENSITY_PER_UM3, Mixture, Species
    from livetomo.simulate.templates import MapShape
    from livetomo.train.particle_choices import chosen_voxel_size
    from livetomo.train.particles import ParticleOptions, length_of

    begin = None if from_nothing else start
    densities = _by_name(expected, "--expected", maps)
    found = _read_maps(maps, _by_name(mass, "--mass", maps), _by_name(contour, "--contour", maps), map_tables)
    species = [
        Species(name, MapShape(one), one.radius_of_gyration_angstrom, densities.get(name, DENSITY_PER_UM3))
        for name, one in found.items()
    ]
    options = ParticleOptions(
        Mixture(tuple(species)),
        {name: _facts(path, found[name]) for name, path in maps},
        voxel_size or chosen_voxel_size(species),
        base or (16 if begin is None else read_card(begin).base),
        start=begin,
        **more,
    )
    _check(options)
    on_gpu = device != "cpu"
    length = length_of(
        options, folder, device, minutes=minutes or (_MINUTES_GPU if on_gpu else _MINUTES_CPU), steps=steps
    )
    if not as_json:
        _print_choices(found, options, length)
    card = _train(options, length, folder, name, device, as_json)
    if as_json:
        click.echo(json.dumps(card.model_dump(mode="json", by_alias=True), ensure_ascii=False))
        return
    _print_card(card)
    click.echo(folder / f"{name}.safetensors")
    click.echo(folder / f"{name}.toml")


def _read_maps(
    maps: tuple[tuple[str, Path], ...],
    mass: dict[str, float],
    contour: dict[str, float],
    tables: Path | None,
) -> dict[str, "ParticleMap"]:
    """The particles by name, each outlined by what is known of its map."""
    from livetomo.core.particle_facts import ParticleFacts
    from livetomo.processing.particle_map.read import read_particle_map

    particles = {}
    for name, path in _once(maps, "--map"):
        _check_name(name)
        given = ParticleFacts(contour.get(name), 1e3 * mass[name] if name in mass else None)
        particles[name] = read_particle_map(path, given, tables=tables, name=name)
    return particles


def _by_name(pairs: tuple[tuple[str, float], ...], option: str, maps: tuple[tuple[str, Path], ...]) -> dict[str, float]:
    """Values by species, each of which has a map.

    Raises:
        ConfigurationError: a species has none, or is named twice.
    """
    if unknown := [name for name, _ in pairs if name not in dict(maps)]:
        raise ConfigurationError(f"{option} {unknown[0]}: there is no --map of this name")
    return dict(_once(pairs, option))


def _once(pairs: tuple[tuple[str, Any], ...], option: str) -> tuple[tuple[str, Any], ...]:
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigurationError(f"{option} {twice[0]}: is given twice. Give each species once.")
    return pairs


def _facts(path: Path, particle: "ParticleMap") -> dict[str, Any]:
    """What says of a map that a training that goes on has the same."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"sha256": digest, "mass_kda": round(particle.mass_dalton / 1e3, 3), "contour": round(particle.contour, 6)}


def _check_name(name: str) -> None:
    """It becomes a feature's name in recipes, files and topics."""
    from pydantic import TypeAdapter, ValidationError

    from livetomo.config.recipe.picks import Name
    from livetomo.simulate.truth import FEATURES

    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as fault:
        raise ConfigurationError(f"--map {name!r}: {fault.errors()[0]['msg']}") from None
    if name in FEATURES and name != "ribosome":
        raise ConfigurationError(f'--map {name}: simulated cells call something else "{name}". Give another name.')


def _check(options: "ParticleOptions") -> None:
    from livetomo.train.example import MOST_FEATURES

    if len(options.mixture.species) > MOST_FEATURES:
        raise ConfigurationError(f"there are more than {MOST_FEATURES} species. Train two networks.")
    multiple = options.plan(1).layout.multiple
    if options.patch % multiple:
        raise ConfigurationError(f"--patch {options.patch} is not a multiple of {multiple}, as --levels needs")


def _train(options: "ParticleOptions", length: "Length", folder: Path, name: str, device: str, as_json: bool) -> "Card":
    from tqdm import tqdm

    from livetomo.train.particles import train_particles

    with tqdm(total=length.steps, unit="step", disable=None) as bar:

        def progress(step: int, value: float) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(loss=f"{value:.3f}", refresh=False)

        return train_particles(
            options,
            length,
            folder,
            name=name,
            device=device,
            progress=progress,
            say=(lambda line: None) if as_json else tqdm.write,
        )


def _print_choices(particles: Mapping[str, "ParticleMap"], options: "ParticleOptions", length: "Length") -> None:
    rows = [
        (
            one.name,
            f"{particles[one.name].mass_dalton / 1e3:,.0f} kDa",
            f"{one.shape.diameter_angstrom:.0f} Å",
            f"{goal.centre.radius_angstrom:.0f} Å" if goal.centre else "",
            f"{one.density_per_um3:,.0f} per µm³",
        )
        for one, goal in zip(options.mixture.species, options.goals, strict=True)
    ]
    print_table(("species", "mass", "diameter", "sphere", "expected"), rows)
    for name, particle in particles.items():
        for note in particle.notes:
            click.echo(f"{name}: {note}")
    click.echo(
        f"voxels of {options.voxel_size_angstrom:g} Å, {options.base} channels, {options.levels} levels, "
        f"{length.steps:,} steps, a new specimen every {length.renew_every}"
    )


def _print_card(card: "Card") -> None:
    """How well each species is found in specimens that chose nothing, and what its picks are taken for."""
    figures: dict[str, Mapping[str, float]] = {name: card.metrics[name] for name in card.features}
    recalls = [key for key in figures[card.features[0]] if key.startswith("recall at ")]
    header = ("species", "AP", "F4", *(key.replace("recall at 80 % precision, ", "recall ") for key in recalls))
    rows = [(name, *(_two(of[key]) for key in ("average precision", "F4", *recalls))) for name, of in figures.items()]
    click.echo("\nRecall where 80 % of the picks are right, on simulated specimens that chose nothing:")
    print_table(header, rows)
    click.echo("\nOf the published picks of a species, the share that lies on another, and false ones per µm³ beside:")
    beside = "false picks per µm³, other species apart"
    print_table(
        ("picks of", *card.features, "precision", "false per µm³"),
        [
            (
                name,
                *(_share_on(of, name, other) for other in card.features),
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
