"""`livetomo simulate`: tomograms and live sessions of which everything is known."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetomo.cli.options import EXISTING_FOLDER, FOLDER, map_tables_option, number, ribosome_option
from livetomo.core.errors import ConfigurationError
from livetomo.core.geometry import TomogramGeometry

if TYPE_CHECKING:
    from livetomo.simulate.random_cell import Library
    from livetomo.simulate.tomogram import Simulated

CELL = "cell"
NULLS = ("shells", "ice", "gold", "granules", "droplets", "microtubules", "particles", "streaks", "noise")
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
    number("--tomograms", 1, 1, 100_000, help="How many of them."),
    number("--seed", 1, 0, help="Seed of the first tomogram; each further one adds 1."),
    click.option("--shape", type=Extents(), default="128x256x256", show_default=True, help="Voxels along z, y and x."),
    number("--voxel-size", 10.0, 1, 60, help="Voxel size in Å."),
    click.option(
        "--snr",
        type=click.FloatRange(1e-3, 1e6),
        help="Signal-to-noise ratio of the views, in pixels of 10 Å. Default: 0.05 to 0.5.",
    ),
    click.option(
        "--specimen",
        type=click.Choice((CELL, *NULLS)),
        default=CELL,
        show_default=True,
        help="What is in the ice. All but the cell hold neither membranes nor ribosomes; noise holds nothing.",
    ),
    click.option(
        "--templates", type=EXISTING_FOLDER, help="A folder of density maps (*.mrc) to place, each named by its file."
    ),
    map_tables_option,
    ribosome_option,
    click.option("--halves", is_flag=True, help="Also write even and odd half-maps with independent noise."),
)


def _common(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_COMMON):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Specimens:
    """Those that the common options ask for."""

    tomograms: int
    seed: int
    shape: tuple[int, int, int]
    voxel_size: float
    snr: float | None
    specimen: str
    templates: Path | None
    map_tables: Path | None
    ribosome: str | None
    halves: bool
    library: "Library" = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "library", _library(self.templates, self.map_tables, self.ribosome))

    def simulate(self, index: int) -> "Simulated":
        """The specimen of this index, from 0, and its tomogram."""
        from livetomo.simulate.tomogram import simulate_cell, simulate_null

        snr = (0.05, 0.5) if self.snr is None else (self.snr, self.snr)
        geometry = TomogramGeometry(self.shape, self.voxel_size)
        if self.specimen != CELL:
            return simulate_null(self.seed + index, geometry, self.specimen, snr=snr)
        return simulate_cell(self.seed + index, geometry, library=self.library, snr=snr)


def _library(templates: Path | None, map_tables: Path | None, ribosome: str | None) -> "Library":
    """The particles to draw from."""
    from livetomo.simulate.random_cell import Library
    from livetomo.simulate.templates import load_templates

    if templates is None:
        if ribosome is not None:
            raise ConfigurationError("--ribosome names one of the --templates; give their folder too")
        return Library()
    maps = load_templates(templates, map_tables)
    if ribosome is not None and ribosome not in maps:
        raise ConfigurationError(f"{templates}: there is no {ribosome}.mrc; there are {', '.join(maps)}")
    return Library.of(maps, ribosome)


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
@click.argument("output", type=FOLDER)
@_common
def tomograms(output: Path, **drawn: Any) -> None:
    """Write tomograms and the truth about them into OUTPUT.

    Beside each NAME.mrc lie NAME_labels.mrc, the particles with their orientations as RELION 5 star and copick JSON,
    and NAME_truth.json, which says how the tomogram was made.
    """
    from tqdm import tqdm

    from livetomo.simulate.write import write_tomogram

    specimens = Specimens(**drawn)
    output.mkdir(parents=True, exist_ok=True)
    for index in tqdm(range(specimens.tomograms), unit="tomogram", disable=None):
        simulated = specimens.simulate(index)
        write_tomogram(output, f"sim_{specimens.seed + index:04d}", simulated, halves=specimens.halves)


@command.command(
    "session", epilog="Example:  livetomo simulate session --producer warp --tomograms 8 --every 60 /data/krios1/test"
)
@click.argument("folder", type=FOLDER)
@click.option(
    "--producer",
    type=click.Choice(PRODUCERS),
    default="aretomo3",
    show_default=True,
    help="Producer whose names are used.",
)
@number("--every", 30.0, 0, help="Seconds from one tomogram to the next.")
@click.option(
    "--write",
    "write_seconds",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    help="Seconds that writing one tomogram takes.",
)
@click.option("--truth", type=FOLDER, help="Folder for the truth.")
@_common
def session(folder: Path, producer: str, every: float, write_seconds: float, truth: Path | None, **drawn: Any) -> None:
    """Write tomograms into FOLDER as a live microscope's software would: one after the other, in place, slowly."""
    from livetomo.simulate.session import NAMINGS, Exposure, expose
    from livetomo.simulate.write import write_truth

    specimens, naming = Specimens(**drawn), NAMINGS[producer]()
    folder.mkdir(parents=True, exist_ok=True)
    if truth is not None:
        truth.mkdir(parents=True, exist_ok=True)
    for index in range(specimens.tomograms):
        began = time.monotonic()
        name = f"TS_{index + 1:02d}"
        simulated = specimens.simulate(index)
        exposure = Exposure(
            name, specimens.voxel_size, simulated.microscope, simulated.reconstruction, specimens.halves
        )
        expose(folder, exposure, naming, seconds=write_seconds)
        if truth is not None:
            write_truth(truth, name, simulated)
        click.echo(f"{name} landed")
        if index + 1 < specimens.tomograms:
            time.sleep(max(0.0, every - (time.monotonic() - began)))
