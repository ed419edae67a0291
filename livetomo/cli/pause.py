"""`livetomo pause`: start no more jobs."""

from pathlib import Path

import click

from livetomo.cli.options import daemon_options, request_daemon, say


@click.command("pause", short_help="Start no more jobs.")
@daemon_options
def command(configuration: Path, as_json: bool) -> None:
    """Start no more jobs. Running jobs are finished, new tomograms are queued. The pause lasts over a restart.

    Example:  livetomo pause
    """
    say(request_daemon(configuration, "pause", {}), as_json, "Paused. To go on: livetomo resume")
