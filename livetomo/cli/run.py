"""`livetomo run`: the daemon."""

import asyncio
from pathlib import Path

import click


@click.command("run", short_help="The daemon: watch, work, publish.")
@click.argument("configuration", type=click.Path(path_type=Path))
@click.option("--log", "level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
def command(configuration: Path, level: str) -> None:
    """Watch the folders that CONFIGURATION names, and publish what is found in the tomograms that land there.

    Runs until it is told to stop (SIGTERM or Ctrl-C); a restart goes on where it stopped. SIGHUP has it take up changed
    watches and recipes. Logs to standard error, as
    JSON lines where that is not a terminal.

    Example:  livetomo run livetomo.toml
    """
    from livetomo.daemon import run
    from livetomo.logs import set_up_logging

    set_up_logging(level.upper())
    asyncio.run(run(configuration))
