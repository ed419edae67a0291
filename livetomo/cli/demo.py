"""`livetomo demo`: everything live on this machine, with a simulated microscope."""

import asyncio
import json
import sys

import click

from livetomo.cli.options import json_option, number
from livetomo.core.errors import ExitCode


@click.command(
    "demo",
    short_help="Run everything on this machine, with a simulated microscope.",
    epilog="Example:  livetomo demo --once --tomograms 2",
)
@click.option(
    "--once", is_flag=True, help="End when every tomogram is published; the exit code says whether all went well."
)
@json_option("Print the final table as JSON.")
@number("--tomograms", 6, 1, 99, help="How many tomograms the simulated microscope takes.")
@number("--port", 8787, 0, 65535, help="Port of the page; 0 takes a free one.")
@number("--seed", 1, 0, help="Seed of the simulated specimens.")
def command(once: bool, as_json: bool, tomograms: int, port: int, seed: int) -> None:
    """Watch how tomograms land and how their picks are published, without a microscope.

    A simulated microscope writes tomograms slowly into a temporary folder; the real daemon watches it, picks
    ribosomes and publishes them to an embedded broker; a subscriber compares them with what was simulated.
    """
    from livetomo.demo.play import DemoPlan, play
    from livetomo.demo.screen import Screen

    screen = Screen(sys.stderr if as_json else sys.stdout)
    board = asyncio.run(play(DemoPlan(tomograms, once, port, seed), screen))
    faults = list(board.faults()) if once else []
    if as_json:
        click.echo(json.dumps(board.summary(), indent=2))
    elif once:
        screen.finish(board)
    for fault in faults:
        click.echo(fault, err=True)
    sys.exit(ExitCode.INCOMPLETE if faults else ExitCode.OK)
