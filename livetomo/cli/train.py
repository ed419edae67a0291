"""`livetomo train`: make networks."""

import json
from pathlib import Path

import click

from livetomo.core.errors import ConfigurationError

FEATURES = ("membrane", "ribosome", "microtubule", "filament", "contamination", "carbon")
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group(
    "train",
    short_help="Train networks.",
    epilog="Example:  livetomo train segmentation --templates maps --ribosome 4v4r --device cuda:0 runs/seed1",
)
def command() -> None:
    """Train networks."""


@command.command(
    "segmentation",
    epilog="Example:  livetomo train segmentation --templates maps --ribosome 4v4r --seed 7 --device cuda:0 runs/seed7",
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", default="cellular", show_default=True, help="Name of the model.")
@click.option(
    "--features", default=",".join(FEATURES), show_default=True, help="Features to learn, separated by commas."
)
@click.option("--simulated/--no-simulated", default=True, show_default=True, help="Learn from simulated tomograms.")
@click.option("--templates", type=_FOLDER, help="Density maps (*.mrc) to place in simulated tomograms.")
@click.option("--ribosome", metavar="NAME", help="Template that is the ribosome. Default: a simple one with two lobes.")
@click.option("--annotated", type=_FOLDER, multiple=True, help="Annotated tomograms to learn from; may be repeated.")
@click.option(
    "--density",
    type=click.Choice(["dark", "bright"]),
    default="dark",
    show_default=True,
    help="Whether matter in the annotated tomograms is dark or bright.",
)
@click.option("--from", "start", type=click.Path(exists=True, path_type=Path), help="A model to fine-tune.")
@click.option(
    "--voxel-size",
    type=click.FloatRange(4, 60),
    default=24.0,
    show_default=True,
    help="Voxel size that the network works on, in Å.",
)
@click.option("--base", type=click.IntRange(1, 128), default=16, show_default=True, help="Channels at full resolution.")
@click.option("--levels", type=click.IntRange(1, 6), default=4, show_default=True)
@click.option("--steps", type=click.IntRange(1), default=5_200, show_default=True)
@click.option("--batch", type=click.IntRange(1), default=4, show_default=True)
@click.option(
    "--patch", type=click.IntRange(8), default=64, show_default=True, help="Side of a training piece in voxels."
)
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=3e-3, show_default=True)
@click.option(
    "--average",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.998,
    show_default=True,
    help="Share of the averaged weights that each step keeps.",
)
@click.option("--seed", type=click.IntRange(0, 2**30), default=1, show_default=True)
@click.option("--pool", type=click.IntRange(1), default=64, show_default=True, help="Number of specimens in memory.")
@click.option(
    "--renew-every",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Number of steps after which a new specimen is added.",
)
@click.option(
    "--validation",
    type=click.IntRange(1),
    default=24,
    show_default=True,
    help="Number of specimens for validation, which are never learned.",
)
@click.option(
    "--score-every",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="Number of steps between two validations.",
)
@click.option(
    "--workers", type=click.IntRange(0), default=0, help="Number of processes that simulate; 0: one per core."
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda:0, …")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def segmentation(
    folder: Path,
    name: str,
    features: str,
    simulated: bool,
    templates: Path | None,
    ribosome: str | None,
    annotated: tuple[Path, ...],
    density: str,
    start: Path | None,
    voxel_size: float,
    base: int,
    levels: int,
    steps: int,
    batch: int,
    patch: int,
    rate: float,
    average: float,
    seed: int,
    pool: int,
    renew_every: int,
    validation: int,
    score_every: int,
    workers: int,
    device: str,
    as_json: bool,
) -> None:
    """Train a segmentation network in FOLDER; called again with the same options, it goes on where it was stopped.

    The result is FOLDER/NAME.safetensors, a model package. Tomograms for validation are never used for training.
    """
    from tqdm import tqdm

    from livetomo.config.model_card import read_card
    from livetomo.config.network_input import Canonical, Layout
    from livetomo.train.annotated import AnnotatedExamples
    from livetomo.train.segmentation import Sources, train_segmentation
    from livetomo.train.simulated import SimulatedExamples
    from livetomo.train.trainer import TrainingPlan

    wanted = tuple(part.strip() for part in features.split(",") if part.strip())
    if not wanted or not set(wanted) <= set(FEATURES):
        raise ConfigurationError(f"--features {features!r}: the features are {', '.join(FEATURES)}")
    layout, canonical = Layout(wanted, base, levels), Canonical.at(voxel_size)
    if start is not None:
        card = read_card(start)
        layout, canonical = card.layout, card.canonical
    cells = SimulatedExamples(seed, canonical, templates=templates, ribosome=ribosome) if simulated else None
    folders = tuple(AnnotatedExamples.of(path, canonical, bright=density == "bright") for path in annotated)
    plan = TrainingPlan(
        layout,
        canonical,
        steps=steps,
        batch=batch,
        patch=patch,
        rate=rate,
        average=average,
        seed=seed,
        score_every=score_every,
    )
    sources = Sources(cells, folders, pool=pool, renew_every=renew_every, validation=validation, workers=workers)
    with tqdm(total=steps, unit="step", disable=None) as bar:

        def progress(step: int, value: float) -> None:
            bar.update(step - bar.n)
            bar.set_postfix(loss=f"{value:.3f}", refresh=False)

        figures = train_segmentation(plan, sources, folder, name=name, device=device, start=start, progress=progress)
    if as_json:
        click.echo(json.dumps(figures))
        return
    for figure, value in figures.items():
        click.echo(f"{figure:<24} {value:.3f}")
    click.echo(folder / f"{name}.safetensors")
