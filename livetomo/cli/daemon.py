"""What commands that talk to the running daemon have in common: which daemon, which tomograms, how it answers."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from livetomo.cli.name_given import NAME

F = TypeVar("F", bound=Callable[..., Any])

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
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")


def selection_options(command: F) -> F:
    """Add the options that say which tomograms are meant."""
    for option in (
        click.option("--everything", is_flag=True, help="All failed tomograms."),
        click.option("--reason", help='Only tomograms that failed for this reason, like "truncated volume".'),
        click.option("--name", type=NAME, help="Only the tomogram of this name."),
        click.option("--session", type=NAME, help="Only tomograms of this session."),
        click.option("--watch", type=NAME, help="Only tomograms of this watch."),
    ):
        command = option(command)
    return command


def ask_daemon(configuration: Path, path: str) -> Any:
    """What the daemon answers to a question."""
    from livetomo.config.configuration import load_config
    from livetomo.system.control_socket import ask

    return ask(load_config(configuration).state, path)


def request_daemon(configuration: Path, action: str, body: Mapping[str, Any]) -> Any:
    """Have the daemon do something; what it says it has done."""
    from livetomo.config.configuration import load_config
    from livetomo.system.control_socket import ask

    given = {key: value for key, value in body.items() if value not in (None, False)}
    return ask(load_config(configuration).state, f"/api/v1/actions/{action}", method="POST", body=given)


def say(answer: Mapping[str, Any], as_json: bool, sentence: str) -> None:
    """Show what was done, for a program or for a person."""
    click.echo(json.dumps(answer) if as_json else sentence)
