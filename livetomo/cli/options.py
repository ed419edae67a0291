"""What several commands share: options, kinds of values, and how they ask the running daemon."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from livetomo.core.voxel_size import WANTED, possible

EXISTING = click.Path(exists=True, path_type=Path)
EXISTING_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)

Option = Callable[[Callable[..., Any]], Callable[..., Any]]


class NameGiven(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
    """The name of a session, tomogram or watch: an empty one is a slip, and would mean all, or "."."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not str(value).strip():
            self.fail("the name is empty. Is a variable of the shell not set?", param, ctx)
        return str(value)


class VoxelSizeOption(click.ParamType):  # type: ignore[type-arg]  # as above
    """Å, with the bounds and the words that every other place has for a voxel size."""

    name = "voxel size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return possible(float(value))
        except ValueError:
            self.fail(f"{value} is no voxel size; write {WANTED}", param, ctx)


class ModelGiven(click.ParamType):  # type: ignore[type-arg]  # as above
    """A model package: the file, or the name of one that comes with livetomo."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from livetomo.config.model_card import shipped

        path = shipped().get(str(value), Path(value))
        if not path.is_file():
            known = ", ".join(shipped()) or "none"
            self.fail(f"{value} is no file, and does not come with livetomo (there is {known})", param, ctx)
        return path


NAME = NameGiven()
VOXEL_SIZE = VoxelSizeOption()
MODEL = ModelGiven()


def together(*options: Option) -> Option:
    """Several options as one decorator, in the order in which `--help` lists them."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


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


def model_option(*names: str, help: str, default: str | None = None) -> Option:
    """An option that names a model package."""
    return click.option(*names, type=MODEL, metavar="MODEL", default=default, show_default=True, help=help)


verdict_option = click.option(
    "--verdict",
    type=click.Choice(["good", "warn", "bad"]),
    default="warn",
    show_default=True,
    help="The worst verdict of tomograms that are taken: warn leaves out the bad ones.",
)
device_option = click.option("--device", default="cpu", show_default=True, help="cpu, cuda:0, …")
ribosome_option = click.option(
    "--ribosome", metavar="NAME", help="Template that is the ribosome. Default: a simple one with two lobes."
)
map_tables_option = click.option(
    "--map-tables",
    type=EXISTING_FILE,
    help="File with a table [NAME] for each map that says its mass_kda or contour. Default: maps.toml beside them.",
)
configuration_option = click.option(
    "-c",
    "--config",
    "configuration",
    type=click.Path(path_type=Path),
    default="livetomo.toml",
    envvar="LIVETOMO_CONFIG",
    show_default=True,
    help="The daemon's configuration, by which the daemon is found.",
)
daemon_options = together(configuration_option, json_option("Print JSON instead of text."))
selection_options = together(
    click.option("--watch", type=NAME, help="Only tomograms of this watch."),
    click.option("--session", type=NAME, help="Only tomograms of this session."),
    click.option("--name", type=NAME, help="Only the tomogram of this name."),
    click.option("--reason", help='Only tomograms that failed for this reason, like "truncated volume".'),
    click.option("--everything", is_flag=True, help="All failed tomograms."),
    daemon_options,
)


def ask_daemon(configuration: Path, path: str, **request: Any) -> Any:
    """What the daemon of a configuration answers to a question, or to a request."""
    from livetomo.config.configuration import load_config
    from livetomo.system.control_socket import ask

    return ask(load_config(configuration).state, path, **request)


def request_daemon(configuration: Path, action: str, body: Mapping[str, Any]) -> Any:
    """Have the daemon do something; what it says it has done."""
    given = {key: value for key, value in body.items() if value not in (None, False)}
    return ask_daemon(configuration, f"/api/v1/actions/{action}", method="POST", body=given)


def say(answer: Mapping[str, Any], as_json: bool, sentence: str) -> None:
    """Show what was done, for a program or for a person."""
    click.echo(json.dumps(answer) if as_json else sentence)
