"""`livetomo reprocess`: process a session again, with another recipe."""

from pathlib import Path

import click

from livetomo.cli.options import NAME, daemon_options, request_daemon, say
from livetomo.cli.table import counted


@click.command("reprocess", short_help="Process a session again, with another recipe.")
@click.argument("session", type=NAME)
@click.option("--recipe", required=True, help="A built-in recipe's name, or a recipe file.")
@click.option("--watch", type=NAME, help="Only tomograms of this watch.")
@click.option("--name", type=NAME, help="Only the tomogram of this name.")
@daemon_options
def command(session: str, recipe: str, watch: str | None, name: str | None, configuration: Path, as_json: bool) -> None:
    """Process the newest revision of each tomogram of SESSION with a recipe, after tomograms of live sessions.

    A new result replaces the earlier one, which is then retracted. A tomogram that has a result of this recipe already
    is left as it is.

    Example:  livetomo reprocess 20261119_yeast --recipe stricter.toml
    """
    path = str(Path(recipe).resolve()) if recipe.endswith(".toml") else recipe
    done = request_daemon(
        configuration, "reprocess", {"session": session, "recipe": path, "watch": watch, "name": name}
    )
    say(done, as_json, f"{counted(done['jobs'], 'job')} made.")
