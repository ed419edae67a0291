"""`livetomo pause`: start no more jobs."""

from pathlib import Path

import click

from livetomo.cli.daemon import configuration_option, json_option, request_daemon, say


@click.command("pause", short_help="Start no more jobs.")
@configuration_option
@json_option
def command(configuration: Path, as_json: bool) -> None:
    """Start no more jobs. Running jobs are finished, new tomograms are queued. The pause lasts over a restart.

    Example:  livetomo pause
    """
    say(request_daemon(configuration, "pause", {}), as_json, "Paused. To go on: livetomo resume")
