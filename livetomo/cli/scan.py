"""`livetomo scan`: what would be taken from the watched folders, what not, and why."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from livetomo.cli.options import NAME, json_option
from livetomo.cli.table import print_table


@click.command("scan", short_help="List which files the daemon would take, and why not the others.")
@click.argument("configuration_file", metavar="CONFIG", type=click.Path(path_type=Path))
@click.option("--watch", "only", type=NAME, help="Look at the watch of this name only.")
@json_option("Print a list of objects, for programs.")
def command(configuration_file: Path, only: str | None, as_json: bool) -> None:
    """Look at the watched folders twice, the settle time apart, and say which volumes would be taken.

    Nothing is taken, started or written; the daemon may run meanwhile. Files that are there already are judged as if
    they came later, whatever the key "since" says, unless it is a date.

    Example:  livetomo scan livetomo.toml
    """
    import time

    from livetomo.config.configuration import load_config
    from livetomo.core.errors import ConfigurationError
    from livetomo.intake.dry_run import Survey
    from livetomo.intake.settings import WatchSettings
    from livetomo.intake.tree import Tree

    config = load_config(configuration_file)
    watches = [watch for watch in config.watch if only in (None, watch.name)]
    if not watches:
        names = ", ".join(watch.name for watch in config.watch)
        raise ConfigurationError(f'{configuration_file}: there is no watch "{only}"; there are: {names}')
    surveys = [Survey(WatchSettings.of(watch), Tree(watch.path)) for watch in watches]
    for survey in surveys:
        survey.look()
    time.sleep(max(watch.settle for watch in watches))
    found = [file for survey in surveys for file in survey.report()]
    for trouble in dict.fromkeys(trouble for survey in surveys for trouble in survey.troubles):
        click.echo(f"not seen: {trouble}", err=True)
    if as_json:
        click.echo(json.dumps([asdict(file) for file in found], indent=1))
        return
    roots = {watch.name: watch.path for watch in watches}
    print_table(
        ["taken", "watch", "session", "tomogram", "producer", "role", "file", "reason"],
        [
            [
                "yes" if file.taken else "no",
                file.watch,
                file.session or "-",
                file.tomogram or "-",
                file.producer or "-",
                file.role,
                Path(file.path).relative_to(roots[file.watch]),
                file.reason,
            ]
            for file in found
        ],
    )
