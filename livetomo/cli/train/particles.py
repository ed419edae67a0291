"""`livetomo train particles`: a picker for several species, from their density maps alone."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetomo.cli.options import (
    FOLDER,
    VOXEL_SIZE,
    device_option,
    json_option,
    model_option,
    number,
)
from livetomo.cli.species import SpeciesGiven, print_species_metrics, species_options
from livetomo.cli.table import print_table
from livetomo.core.errors import ConfigurationError

if TYPE_CHECKING:
    from livetomo.config.model_card import Card
    from livetomo.core.particle_map import ParticleMap
    from livetomo.train.particles import Length, ParticleOptions

_MINUTES_CPU, _MINUTES_GPU = 60.0, 10.0


@click.command(
    "particles",
    epilog="Example:  livetomo train particles --map p97=emd_1.map --mass p97=540 --map ribosome=emd_2.map runs/mine",
)
@click.argument("folder", type=FOLDER)
@species_options
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
    """Train a picker in FOLDER from density maps; called again, it goes on where it was stopped.

    Species are simulated at the densities expected, among each other, membranes, gold, ice, carbon and other shapes.
    The results are FOLDER/NAME.safetensors, a model package whose card says how well each species is found in
    simulated specimens that were not learned from, and FOLDER/NAME.toml, a recipe that picks all of them.
    """
    from livetomo.config.model_card import read_card
    from livetomo.simulate.species import Mixture
    from livetomo.train.particle_choices import chosen_voxel_size
    from livetomo.train.particles import ParticleOptions, length_of

    begin = None if from_nothing else start
    given = SpeciesGiven(maps, mass, contour, map_tables, expected)
    found = given.read()
    species = given.species(found)
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
    print_species_metrics(card.metrics, card.features)
    click.echo(folder / f"{name}.safetensors")
    click.echo(folder / f"{name}.toml")


def _facts(path: Path, particle: "ParticleMap") -> dict[str, Any]:
    """What says of a map that a training that goes on has the same."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"sha256": digest, "mass_kda": round(particle.mass_dalton / 1e3, 3), "contour": round(particle.contour, 6)}


def _check(options: "ParticleOptions") -> None:
    from livetomo.train.example import MOST_FEATURES
    from livetomo.train.simulated_particles import MOST_OF_SPECIMEN

    if len(options.mixture.species) > MOST_FEATURES:
        raise ConfigurationError(f"there are more than {MOST_FEATURES} species. Train two networks.")
    room = min(options.simulated.extent_zyx_angstrom)
    for species in options.mixture.species:
        if species.shape.diameter_angstrom > MOST_OF_SPECIMEN * room:
            raise ConfigurationError(
                f"--map {species.name}: is {species.shape.diameter_angstrom:,.0f} Å wide, too large for specimens that "
                f"are {room:,.0f} Å thick. Are its voxel size and its mass right?"
            )
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
