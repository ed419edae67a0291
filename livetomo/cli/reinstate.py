"""`livetomo reinstate`: put an earlier recipe's results in force again."""

from pathlib import Path

import click

from livetomo.cli.options import NAME, daemon_options, request_daemon, say
from livetomo.cli.table import counted


@click.command("reinstate", short_help="Put an earlier recipe's results of a session in force again.")
@click.argument("session", type=NAME)
@click.option("--recipe", required=True, help="The recipe's name, or the beginning of its hash.")
@click.option("--watch", type=NAME, help="The session's watch, if several watches have a session of this name.")
@click.option("--name", type=NAME, help="Only the tomogram of this name.")
@daemon_options
def command(session: str, recipe: str, watch: str | None, name: str | None, configuration: Path, as_json: bool) -> None:
    """Put the results of a recipe in force again, in place of those that came later.

    Nothing is computed: the results are there. For each tomogram the result that was in force is retracted, and the
    picks of the earlier one are published again. A tomogram without a result of this recipe is left as it is.

    Example:  livetomo reinstate 20261119_yeast --recipe cellular
    """
    asked = {"session": session, "recipe": recipe, "watch": watch, "name": name}
    done = request_daemon(configuration, "reinstate", asked)
    say(done, as_json, f"{counted(done['tomograms'], 'tomogram')} changed.")
