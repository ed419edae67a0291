"""`livetomo train segmentation`: a network for the features that cells have."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from livetomo.cli.options import (
    EXISTING_FOLDER,
    FOLDER,
    VOXEL_SIZE,
    density_option,
    device_option,
    json_option,
    map_tables_option,
    model_option,
    number,
    ribosome_option,
)
from livetomo.core.errors import ConfigurationError

FEATURES = ("membrane", "ribosome", "microtubule", "filament", "contamination", "carbon")


def _share(name: str, default: float, *, help: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(name, type=click.FloatRange(0, 1), default=default, show_default=True, help=help)


@click.command(
    "segmentation",
    epilog="Example:  livetomo train segmentation --templates maps --ribosome 4v4r --seed 7 --device cuda:0 runs/seed7",
)
@click.argument("folder", type=FOLDER)
@click.option("--name", default="cellular", show_default=True, help="Name of the model.")
@click.option(
    "--features", default=",".join(FEATURES), show_default=True, help="Features to learn, separated by commas."
)
@click.option("--simulated/--no-simulated", default=True, show_default=True, help="Learn from simulated tomograms.")
@click.option("--templates", type=EXISTING_FOLDER, help="Density maps (*.mrc) to place in simulated tomograms.")
@map_tables_option
@ribosome_option
@_share("--negatives", 0.35, help="Share of the specimens with what looks like a membrane or ribosome and is none.")
@_share("--nulls", 0.15, help="Share of the specimens without membranes and ribosomes.")
@_share("--scrambled", 0.1, help="Share of the images with random phases, in which there is nothing.")
@_share("--finished", 0.3, help="Share of the images from a worse microscope, filtered or denoised.")
@click.option(
    "--annotated", type=EXISTING_FOLDER, multiple=True, help="Annotated tomograms to learn from; may be repeated."
)
@density_option("Whether matter in the annotated tomograms is dark or bright.")
@model_option(
    "--from",
    "start",
    help="A model to begin with: one that comes with livetomo, or a file. What is not given here is as its card says; "
    "features that it does not know, and further levels, start fresh.",
)
@number("--voxel-size", 24.0, 4, 60, help="Voxel size that the network works on, in Å.")
@click.option(
    "--voxel-range",
    nargs=2,
    type=VOXEL_SIZE,
    metavar="Å Å",
    help="Smallest and largest voxels for which the card is to say that the network was evaluated; it is not run on "
    "other tomograms. Default: a twelfth of --voxel-size, and half as large again.",
)
@number("--base", 16, 1, 128, help="Channels at full resolution.")
@number("--levels", 4, 1, 6)
@number("--steps", 5_200, 1)
@number("--batch", 4, 1)
@number("--patch", 64, 8, help="Side of a training piece in voxels.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=3e-3, show_default=True)
@click.option(
    "--average",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.998,
    show_default=True,
    help="Share of the averaged weights that each step keeps.",
)
@number("--seed", 1, 0, 2**30)
@number("--pool", 64, 1, help="Number of specimens in memory.")
@number("--renew-every", 3, 1, help="Number of steps after which a new specimen is added.")
@number("--validation", 24, 1, help="Number of specimens for validation, which are never learned.")
@number("--score-every", 500, 1, help="Number of steps between two validations.")
@click.option(
    "--workers", type=click.IntRange(0), default=0, help="Number of processes that simulate; 0: one per core."
)
@device_option
@json_option("Print the figures as JSON.")
def segmentation(
    folder: Path,
    name: str,
    features: str,
    simulated: bool,
    templates: Path | None,
    map_tables: Path | None,
    ribosome: str | None,
    negatives: float,
    nulls: float,
    scrambled: float,
    finished: float,
    annotated: tuple[Path, ...],
    density: str,
    start: Path | None,
    voxel_size: float,
    voxel_range: tuple[float, float] | None,
    base: int,
    levels: int,
    seed: int,
    pool: int,
    renew_every: int,
    validation: int,
    workers: int,
    device: str,
    as_json: bool,
    **plan: Any,
) -> None:
    """Train a segmentation network in FOLDER; called again with the same options, it goes on where it was stopped.

    The result is FOLDER/NAME.safetensors, a model package. Tomograms for validation are never used for training.
    """
    from tqdm import tqdm

    from livetomo.config.model_card import Canonical, Layout, read_card
    from livetomo.train.annotated import AnnotatedExamples
    from livetomo.train.segmentation import Sources, train_segmentation
    from livetomo.train.simulated import SimulatedExamples
    from livetomo.train.trainer import TrainingPlan

    wanted = tuple(part.strip() for part in features.split(",") if part.strip())
    canonical = Canonical.at(voxel_size)
    if start is not None:
        card = read_card(start)
        wanted = wanted if _is_given("features") else card.features
        base = base if _is_given("base") else card.base
        levels = levels if _is_given("levels") else card.levels
        canonical = canonical if _is_given("voxel_size") else card.canonical
    if not wanted or not set(wanted) <= set(FEATURES):
        raise ConfigurationError(f"--features {','.join(wanted)!r}: the features are {', '.join(FEATURES)}")
    layout = Layout(wanted, base, levels)
    if voxel_range is not None and voxel_range[0] > voxel_range[1]:
        raise ConfigurationError(f"--voxel-range {voxel_range[0]:g} {voxel_range[1]:g}: write the smaller size first")
    if nulls + negatives > 1:
        raise ConfigurationError(f"--nulls {nulls:g} and --negatives {negatives:g} are shares of one whole")
    cells = SimulatedExamples(
        seed,
        canonical,
        templates=templates,
        map_tables=map_tables,
        ribosome=ribosome,
        negatives=negatives,
        nulls=nulls,
        scrambled=scrambled,
        finished=finished,
    )
    folders = tuple(AnnotatedExamples.of(path, canonical, bright=density == "bright") for path in annotated)
    training = TrainingPlan(layout, canonical, seed=seed, **plan)
    learned = cells if simulated else None
    sources = Sources(learned, folders, pool=pool, renew_every=renew_every, validation=validation, workers=workers)
    with tqdm(total=training.steps, unit="step", disable=None) as bar:

        def progress(step: int, value: float) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(loss=f"{value:.3f}", refresh=False)

        figures = train_segmentation(
            training,
            sources,
            folder,
            name=name,
            device=device,
            start=start,
            voxel_range_angstrom=voxel_range,
            progress=progress,
            say=tqdm.write if not as_json else lambda line: None,
        )
    if as_json:
        click.echo(json.dumps(figures))
        return
    for figure, value in figures.items():
        click.echo(f"{figure:<24} {value:.3f}")
    click.echo(folder / f"{name}.safetensors")


def _is_given(parameter: str) -> bool:
    """Whether a person has given it: a default gives way to what a card says."""
    return click.get_current_context().get_parameter_source(parameter) is not click.core.ParameterSource.DEFAULT
