"""A session's targets on the command line: `livetomo sessions target`, and how one is said in a sentence."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from livetomo.cli.daemon import configuration_option, json_option, request_daemon, say
from livetomo.cli.name_given import NAME


def spoken_target(target: Mapping[str, Any], now: datetime) -> str:
    """`812 of 9,000 ribosome, the rest in about 3 h`."""
    from livetomo.core.units import spoken_seconds

    said = f"{target['found']:,} of {target['wanted']:,} {target['feature']}"
    if target["found"] >= target["wanted"]:
        return f"{said}, reached"
    if target["expected"] is None:
        return said
    left = max(0.0, (datetime.fromisoformat(target["expected"]) - now).total_seconds())
    return f"{said}, the rest in about {spoken_seconds(left)}"


@click.command("target", short_help="Set how many particles a session is to have.")
@click.argument("session", type=NAME)
@click.argument("targets", nargs=-1, metavar="[FEATURE=PARTICLES]...")
@click.option(
    "--watch", type=NAME, help="The session's watch, if several watches have such a session or it has not begun."
)
@configuration_option
@json_option
def target(session: str, targets: tuple[str, ...], watch: str | None, configuration: Path, as_json: bool) -> None:
    """Say how many particles SESSION is to have: status and page then say when it will have them, at the present rate.

    Each call replaces the earlier targets; a call without any target removes them. Nothing else changes: the session
    goes on when its targets are reached.

    Example:  livetomo sessions target 20261119_yeast ribosome=20000
    """
    wanted = {}
    for each in targets:
        feature, _, number = each.partition("=")
        if not feature or not number.isascii() or not number.isdigit() or int(number) == 0:
            raise click.BadParameter(f'"{each}" is no target; write one like ribosome=20000', param_hint="TARGETS")
        wanted[feature] = int(number)
    done = request_daemon(configuration, "set_target", {"session": session, "watch": watch, "targets": wanted})
    words = ", ".join(f"{number:,} {feature}" for feature, number in done["targets"].items())
    say(done, as_json, f"{done['watch']}/{done['session']}: {words or 'no target'}")
