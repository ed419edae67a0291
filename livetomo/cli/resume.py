"""`livetomo resume`: start jobs again."""

from pathlib import Path

import click

from livetomo.cli.daemon import configuration_option, json_option, say, tell_daemon


@click.command("resume", short_help="Start jobs again after a pause.")
@configuration_option
@json_option
def command(configuration: Path, as_json: bool) -> None:
    """Start jobs again after a pause.

    Example:  livetomo resume
    """
    say(tell_daemon(configuration, "resume", {}), as_json, "Jobs are started again.")
