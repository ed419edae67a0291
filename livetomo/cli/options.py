"""The options that several commands have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

EXISTING = click.Path(exists=True, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)

Option = Callable[[Callable[..., Any]], Callable[..., Any]]


def number(name: str, default: float, least: float, most: float | None = None, help: str | None = None) -> Option:
    """An option that takes a number from `least` to `most`: a whole one where its default is an `int`."""
    kind = click.IntRange if isinstance(default, int) else click.FloatRange
    return click.option(name, type=kind(least, most), default=default, show_default=True, help=help)  # type: ignore[arg-type]


def json_option(help: str | None = None) -> Option:
    """--json; `help` says what is printed then."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def output_option(help: str) -> Option:
    """--output, a folder that must be named."""
    return click.option("--output", required=True, type=FOLDER, help=help)


def density_option(help: str | None = None) -> Option:
    """--density, dark unless it is said; `help` says whose."""
    return click.option(
        "--density", type=click.Choice(["dark", "bright"]), default="dark", show_default=True, help=help
    )


device_option = click.option("--device", default="cpu", show_default=True, help="cpu, cuda:0, …")
ribosome_option = click.option(
    "--ribosome", metavar="NAME", help="Template that is the ribosome. Default: a simple one with two lobes."
)
