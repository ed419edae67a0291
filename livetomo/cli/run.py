"""`livetomo run`: the daemon."""

import asyncio
from importlib.util import find_spec
from pathlib import Path

import click

from livetomo.core.errors import PackageAbsent


@click.command("run", short_help="Run the daemon: watch folders, process tomograms, publish.")
@click.argument("configuration", type=click.Path(path_type=Path))
@click.option("--log", "level", type=click.Choice(["debug", "info", "warning"]), default="info", show_default=True)
def command(configuration: Path, level: str) -> None:
    """Watch the folders that CONFIGURATION names, and publish what is found in the tomograms that land there.

    The daemon runs until it gets SIGTERM or Ctrl-C; after a restart it goes on where it stopped. At SIGHUP it reads its
    configuration and recipes again. It logs to standard error, as JSON lines if that is not a terminal.

    Example:  livetomo run livetomo.toml
    """
    if find_spec("torch") is None:  # the daemon itself never imports it, and its workers would fail one by one
        raise PackageAbsent("torch")
    from livetomo.daemon.run import run
    from livetomo.system.logs import set_up_logging

    set_up_logging(level.upper())
    asyncio.run(run(configuration))
