"""`livetomo evaluate particles`: how well a picker for several species finds each, in simulated specimens."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetomo.cli.options import MODEL, VOXEL_SIZE, device_option, json_option, number
from livetomo.cli.species import SpeciesGiven, print_species_metrics, species_options
from livetomo.core.errors import ConfigurationError

if TYPE_CHECKING:
    from livetomo.config.model_card import Card


@click.command(
    "particles",
    epilog="Example:  livetomo evaluate particles --map p97=emd_1.map --mass p97=540 --expected p97=400 "
    "runs/mine/particles.safetensors",
)
@click.argument("model", type=MODEL)
@species_options
@number("--specimens", 8, 1, help="Number of simulated specimens.")
@click.option("--voxel-size", type=VOXEL_SIZE, default=10.0, show_default=True, help="Of the specimens, in Å.")
@click.option(
    "--snr",
    type=click.FloatRange(1e-3, 1e6),
    multiple=True,
    default=(0.05, 0.1, 0.2, 0.3),
    show_default=True,
    help="Signal-to-noise ratio of the views, in pixels of 10 Å; may be repeated.",
)
@number("--seed", 2, 0, 2**28, help="That of the training gives the specimens that its card was judged on.")
@click.option(
    "--workers", type=click.IntRange(0), default=0, help="Number of processes that simulate; 0: one per core but one."
)
@device_option
@json_option("Print the figures as JSON.")
def particles(
    model: Path,
    maps: tuple[tuple[str, Path], ...],
    mass: tuple[tuple[str, float], ...],
    contour: tuple[tuple[str, float], ...],
    map_tables: Path | None,
    expected: tuple[tuple[str, float], ...],
    specimens: int,
    voxel_size: float,
    snr: tuple[float, ...],
    seed: int,
    workers: int,
    device: str,
    as_json: bool,
) -> None:
    """Judge the MODEL package on simulated specimens with all of its species, at the densities expected.

    Picks are published from the thresholds of its card on. The maps are those that it was trained with.
    """
    from livetomo.config.model_card import read_card
    from livetomo.train.particles import judged_again

    card = read_card(model)
    given = SpeciesGiven(maps, mass, contour, map_tables, expected)
    species = {one.name: one for one in given.species(given.read())}
    _check(model, card, species)
    metrics = judged_again(
        model,
        tuple(species[name] for name in card.features),
        specimens=specimens,
        voxel_size_angstrom=voxel_size,
        snr=tuple(dict.fromkeys(snr)),
        seed=seed,
        processes=workers,
        device=device,
    )
    if as_json:
        click.echo(json.dumps(metrics, ensure_ascii=False))
    else:
        print_species_metrics(metrics, card.features)


def _check(model: Path, card: "Card", names: Collection[str]) -> None:
    without = [name for name in card.features if name not in card.centre_radii_angstrom]
    if without or any("threshold" not in card.metrics.get(name, {}) for name in card.features):
        raise ConfigurationError(f"{model}: was not made by livetomo train particles")
    if missing := [name for name in card.features if name not in names]:
        raise ConfigurationError(f"{model}: has the species {missing[0]}; give its --map too")
    if unknown := sorted(set(names) - set(card.features)):
        raise ConfigurationError(f"{model}: does not know {unknown[0]}; it knows {', '.join(card.features)}")
