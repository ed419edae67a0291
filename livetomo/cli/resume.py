"""`livetomo resume`: start jobs again."""

from pathlib import Path

import click

from livetomo.cli.options import NAME, daemon_options, request_daemon, say


@click.command("resume", short_help="Start jobs again after a pause.")
@click.option("--watch", type=NAME, help="Start this watch again, on the file system where it is now.")
@daemon_options
def command(watch: str | None, configuration: Path, as_json: bool) -> None:
    """Start jobs again after a pause.

    With --watch: livetomo stops a watch if its root lies on another file system than before and none of the known files
    is there. If this is intended, the watch goes on with the files that are there now.

    Example:  livetomo resume
    """
    if watch is not None:
        answer = request_daemon(configuration, "resume", {"watch": watch})
        say(answer, as_json, f"{watch} is taken up where it is now, as soon as the daemon is restarted.")
        return
    say(request_daemon(configuration, "resume", {}), as_json, "Jobs are started again.")
