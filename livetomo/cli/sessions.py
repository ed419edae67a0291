"""`livetomo sessions`: the acquisition sessions, and what counts for one of them alone."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from livetomo.cli.daemon import ask_daemon, configuration_option, json_option, request_daemon, say
from livetomo.cli.name_given import NAME
from livetomo.cli.report import report
from livetomo.cli.table import print_table
from livetomo.cli.targets import spoken_target, target
from livetomo.cli.voxel_size import VOXEL_SIZE


@click.group("sessions", short_help="List sessions, change settings of one, write a report.")
def command() -> None:
    """List the sessions that the daemon knows, change settings of one session, or write its report.

    Example:  livetomo sessions list
    """


command.add_command(target)
command.add_command(report)


@command.command("list")
@click.option("--limit", default=20, show_default=True, help="How many of them.")
@configuration_option
@json_option
def list_(limit: int, configuration: Path, as_json: bool) -> None:
    """List the newest sessions.

    Example:  livetomo sessions list --limit 5
    """
    from livetomo.core.units import spoken_seconds

    sessions = ask_daemon(configuration, f"/api/v1/sessions?limit={limit}")["sessions"]
    if as_json:
        click.echo(json.dumps(sessions))
    elif not sessions:
        click.echo("No tomogram has landed yet.")
    else:
        now = datetime.now(UTC)
        rows = [
            [
                each["watch"],
                each["session"],
                each["tomograms"],
                ", ".join(f"{count:,} {state}" for state, count in each["states"].items()),
                f"{spoken_seconds((now - datetime.fromisoformat(each['newest'])).total_seconds())} ago",
                each["verdict"],
                "; ".join(spoken_target(target, now) for target in each["targets"]),
            ]
            for each in sessions
        ]
        print_table(["watch", "session", "tomograms", "of which", "last landed", "verdict", "targets"], rows)


@command.command("set", short_help="Set recipe, voxel size or density of one session.")
@click.argument("session", type=NAME)
@click.option(
    "--watch", type=NAME, help="The session's watch, if several watches have such a session or it has not begun."
)
@click.option("--recipe", help="Built-in recipe, or recipe file, to use instead of the watch's.")
@click.option("--voxel-size", type=VOXEL_SIZE, metavar="Å", help="Voxel size to use instead of the one in the headers.")
@click.option("--density", type=click.Choice(["dark", "bright"]), help="Density to use instead of the recipe's.")
@configuration_option
@json_option
def set_(configuration: Path, as_json: bool, recipe: str | None, **said: Any) -> None:
    """Set recipe, voxel size or density for SESSION alone, for tomograms that land in it from now on.

    Each call replaces the earlier settings; a call without options removes them. To process again what has landed
    already, call `livetomo reprocess SESSION --recipe …`.

    Example:  livetomo sessions set 20261119_yeast --voxel-size 7.84
    """
    path = str(Path(recipe).resolve()) if recipe and recipe.endswith(".toml") else recipe
    done = request_daemon(configuration, "set_session", said | {"recipe": path})
    words = ", ".join(f"{key} {value}" for key, value in done["overrides"].items() if value is not None)
    say(done, as_json, f"{done['watch']}/{done['session']}: {words or 'as its watch has it'}")
