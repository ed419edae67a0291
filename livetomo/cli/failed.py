"""`livetomo failed`: the tomograms that failed, why, and what to do with them."""

import json
import time
from pathlib import Path
from typing import Any

import click

from livetomo.cli.options import NAME, configuration_option, request_daemon, say, selection_options
from livetomo.cli.table import counted, print_table


@click.group("failed", short_help="List failed tomograms, and try them again.")
def command() -> None:
    """List tomograms that failed, show why, try them again, or take them off the list.

    Example:  livetomo failed list --session 20261119_yeast
    """


@command.command("list")
@selection_options
def list_(configuration: Path, as_json: bool, **which: Any) -> None:
    """List failed tomograms, newest first.

    Example:  livetomo failed list --reason "truncated volume"
    """
    from livetomo.core.units import spoken_seconds

    failed = request_daemon(configuration, "failed", which)["failed"]
    if as_json:
        click.echo(json.dumps(failed))
    elif not failed:
        click.echo("No such tomogram has failed." if any(which.values()) else "Nothing has failed.")
    else:
        rows = [
            [
                f"{job['watch']}/{job['session']}/{job['name']}",
                job["fault"]["reason"],
                job["attempts"],
                f"{spoken_seconds(time.time() - job['finished_at'])} ago",
                job["fault"]["message"],
            ]
            for job in failed
        ]
        print_table(["tomogram", "reason", "attempts", "when", "what to do"], rows)


@command.command("show")
@click.argument("name", type=NAME)
@configuration_option
def show(configuration: Path, name: str) -> None:
    """Show all that is known of a failure, with its traceback.

    Example:  livetomo failed show Position_7
    """
    for job in request_daemon(configuration, "failed", {"name": name})["failed"]:
        click.echo(
            f"{job['watch']}/{job['session']}/{job['name']}  revision {job['number']}  recipe {job['recipe_name']}"
        )
        click.echo(f"{job['path']}\n{job['fault']['reason']} ({job['fault']['kind']}): {job['fault']['message']}")
        if job["fault"]["traceback"]:
            click.echo(f"\n{job['fault']['traceback']}")


@command.command("retry")
@selection_options
def retry(configuration: Path, as_json: bool, **which: Any) -> None:
    """Try failed tomograms again, as if they had never failed.

    Example:  livetomo failed retry --reason "source unreadable"
    """
    done = request_daemon(configuration, "retry", which)
    say(done, as_json, f"{counted(done['jobs'], 'job')} will be tried again.")


@command.command("purge")
@selection_options
def purge(configuration: Path, as_json: bool, **which: Any) -> None:
    """Take failed tomograms off the list. A file that changes later is processed again all the same.

    Example:  livetomo failed purge --session 20261119_yeast
    """
    done = request_daemon(configuration, "purge", which)
    say(done, as_json, f"{counted(done['jobs'], 'job')} taken off the list.")
