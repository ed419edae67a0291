"""`livetomo simulate`: tomograms and live sessions of which everything is known."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetomo.core.errors import ConfigurationError

if TYPE_CHECKING:
    from livetomo.simulate.random_cell import Library

PRODUCERS = ("aretomo3", "cryoem_services", "generic", "imod", "relion5", "warp")


class Extents(click.ParamType[tuple[int, int, int]]):
    """Three extents like 128x256x256."""

    name = "Z×Y×X"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int, int]:
        """As click wants it."""
        parts = str(value).lower().split("x")
        if len(parts) != 3 or not all(part.isdigit() and 16 <= int(part) <= 4096 for part in parts):
            self.fail(f"{value!r} is not a volume; write it like 128x256x256 (z, y, x), 16 to 4096 each", param, ctx)
        z, y, x = (int(part) for part in parts)
        return z, y, x


_COMMON = (
    click.option(
        "--tomograms", type=click.IntRange(1, 100_000), default=1, show_default=True, help="How many of them."
    ),
    click.option(
        "--seed",
        type=click.IntRange(0),
        default=1,
        show_default=True,
        help="Seed of the first tomogram; each further one adds 1.",
    ),
    click.option("--shape", type=Extents(), default="128x256x256", show_default=True, help="Voxels along z, y and x."),
    click.option(
        "--voxel-size", type=click.FloatRange(1, 60), default=10.0, show_default=True, help="Voxel size in Å."
    ),
    click.option(
        "--snr",
        type=click.FloatRange(1e-3, 1e6),
        help="Signal-to-noise ratio of the views, in pixels of 10 Å. Default: 0.05 to 0.5.",
    ),
    click.option(
        "--templates",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A folder of density maps (*.mrc) to place, each named by its file.",
    ),
    click.option(
        "--ribosome", metavar="NAME", help="Template that is the ribosome. Default: a simple one with two lobes."
    ),
    click.option("--halves", is_flag=True, help="Also write even and odd half-maps with independent noise."),
)


def _common(function: click.decorators.FC) -> click.decorators.FC:
    for option in reversed(_COMMON):
        function = option(function)
    return function


@click.group(
    "simulate",
    short_help="Simulate tomograms and live sessions.",
    epilog="Example:  livetomo simulate tomograms --tomograms 5 --voxel-size 13.5 OUTPUT",
)
def command() -> None:
    """Simulate tomograms and live sessions whose content is known, from a seed.

    Each tomogram shows a random piece of a cell: membranes, ribosomes and other particles, microtubules, filaments,
    gold, ice, carbon. It is imaged as a tilt series with CTF, dose, noise and misalignment, and back-projected.
    """


@command.command("tomograms", epilog="Example:  livetomo simulate tomograms --tomograms 5 --voxel-size 13.5 OUTPUT")
@click.argument("output", type=click.Path(file_okay=False, path_type=Path))
@_common
def tomograms(
    output: Path,
    tomograms: int,
    seed: int,
    shape: tuple[int, int, int],
    voxel_size: float,
    snr: float | None,
    templates: Path | None,
    ribosome: str | None,
    halves: bool,
) -> None:
    """Write tomograms and the truth about them into OUTPUT.

    Beside each NAME.mrc lie NAME_labels.mrc, the particles with their orientations as RELION 5 star and copick JSON,
    and NAME_truth.json, which says how the tomogram was made.
    """
    from tqdm import tqdm

    from livetomo.simulate.tomogram import simulate_cell
    from livetomo.simulate.write import write_tomogram

    library = _library(templates, ribosome)
    output.mkdir(parents=True, exist_ok=True)
    for number in tqdm(range(tomograms), unit="tomogram", disable=None):
        simulated = simulate_cell(seed + number, shape, voxel_size, library=library, snr=_range(snr))
        write_tomogram(output, f"sim_{seed + number:04d}", simulated, halves=halves)


@command.command(
    "session", epilog="Example:  livetomo simulate session --producer warp --tomograms 8 --every 60 /data/krios1/test"
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--producer",
    type=click.Choice(PRODUCERS),
    default="aretomo3",
    show_default=True,
    help="Producer whose names are used.",
)
@click.option(
    "--every", type=click.FloatRange(0), default=30.0, show_default=True, help="Seconds from one tomogram to the next."
)
@click.option(
    "--write",
    "write_seconds",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    help="Seconds that writing one tomogram takes.",
)
@click.option("--truth", type=click.Path(file_okay=False, path_type=Path), help="Folder for the truth.")
@_common
def session(
    folder: Path,
    producer: str,
    every: float,
    write_seconds: float,
    truth: Path | None,
    tomograms: int,
    seed: int,
    shape: tuple[int, int, int],
    voxel_size: float,
    snr: float | None,
    templates: Path | None,
    ribosome: str | None,
    halves: bool,
) -> None:
    """Write tomograms into FOLDER as a live microscope's software would: one after the other, in place, slowly."""
    from livetomo.simulate.session import NAMINGS, Exposure, expose
    from livetomo.simulate.tomogram import simulate_cell
    from livetomo.simulate.write import write_truth

    library, naming = _library(templates, ribosome), NAMINGS[producer]()
    folder.mkdir(parents=True, exist_ok=True)
    if truth is not None:
        truth.mkdir(parents=True, exist_ok=True)
    for number in range(tomograms):
        began = time.monotonic()
        name = f"TS_{number + 1:02d}"
        simulated = simulate_cell(seed + number, shape, voxel_size, library=library, snr=_range(snr))
        exposure = Exposure(name, voxel_size, simulated.microscope, simulated.reconstruction, halves)
        expose(folder, exposure, naming, seconds=write_seconds)
        if truth is not None:
            write_truth(truth, name, simulated)
        click.echo(f"{name} landed")
        if number + 1 < tomograms:
            time.sleep(max(0.0, every - (time.monotonic() - began)))


def _range(snr: float | None) -> tuple[float, float]:
    return (0.05, 0.5) if snr is None else (snr, snr)


def _library(templates: Path | None, ribosome: str | None) -> "Library":
    """The particles to draw from."""
    from livetomo.simulate.random_cell import Library
    from livetomo.simulate.templates import load_templates

    if templates is None:
        if ribosome is not None:
            raise ConfigurationError("--ribosome names one of the --templates; give their folder too")
        return Library()
    maps = load_templates(templates)
    if ribosome is not None and ribosome not in maps:
        raise ConfigurationError(f"{templates}: there is no {ribosome}.mrc; there are {', '.join(maps)}")
    return Library.of(maps, ribosome)
