"""`livetomo readmit`: take exclusions of a tomogram back."""

import getpass
from pathlib import Path

import click

from livetomo.cli.options import NAME, daemon_options, request_daemon, say


@click.command("readmit", short_help="Take what was excluded of a tomogram back into a session's picks.")
@click.argument("session", type=NAME)
@click.argument("tomogram", type=NAME, required=False)
@click.option("--all", "everything", is_flag=True, help="Every tomogram of the session: restore it.")
@click.option("--feature", type=NAME, help="Only exclusions of this feature alone.")
@click.option("--watch", type=NAME, help="The session's watch, if several watches have a session of this name.")
@daemon_options
def command(
    session: str,
    tomogram: str | None,
    everything: bool,
    feature: str | None,
    watch: str | None,
    configuration: Path,
    as_json: bool,
) -> None:
    """Take back all that `livetomo exclude`, or a rule of the recipe, has taken out of TOMOGRAM of SESSION.

    Its picks are published again. Who took it out, when and why stays on record.

    Example:  livetomo readmit 20261119_yeast TS_07
    """
    which = {"session": session, "watch": watch, "name": tomogram, "everything": everything}
    asked = which | {"feature": feature, "who": getpass.getuser()}
    done = request_daemon(configuration, "readmit", asked)
    where = f"{done['watch']}/{done['session']}/"
    lines = [f"{where}{each['tomogram']}: taken back: {each['sentence']}" for each in done["readmitted"]]
    say(done, as_json, "\n".join(lines or [f"{where}{done['tomogram']}: nothing of it is excluded"]))
