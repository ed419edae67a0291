"""`livetomo check`: is this configuration or recipe right?"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from livetomo.cli.options import json_option
from livetomo.core.errors import ConfigurationError


@click.command("check", short_help="Check configurations and recipes.")
@click.argument("files", nargs=-1, required=True, metavar="FILE…", type=click.Path(path_type=Path))
@json_option("Print one JSON object per file, for programs.")
def command(files: tuple[Path, ...], as_json: bool) -> None:
    """Check configurations and recipes. For each mistake, print the file, the key and how to correct it.

    A file with any key of a configuration counts as a configuration, any other file as a recipe. Nothing is started or
    written.

    Example:  livetomo check livetomo.toml my-recipe.toml
    """
    reports = [_report(path) for path in files]
    for report in reports:
        if as_json:
            click.echo(json.dumps({"ok": not report.faults} | asdict(report)))
            continue
        for fault in report.faults:
            click.echo(fault, err=True)
        for warning in report.warnings:
            click.echo(f"{report.file}: warning: {warning}", err=True)
        if not report.faults:
            click.echo(f"{report.file}: ok")
    if any(report.faults for report in reports):
        raise SystemExit(ConfigurationError.exit_code)


@dataclass(frozen=True, slots=True)
class _Report:
    """What is to be said of one file."""

    file: str
    kind: str
    faults: list[str]
    warnings: list[str]


def _report(path: Path) -> _Report:
    from livetomo.config.configuration import Config, load_config
    from livetomo.config.cross_checks import check_config
    from livetomo.config.recipe.recipe import load_recipe
    from livetomo.config.user_file import read_toml

    kind = "file"
    warnings: list[str] = []
    try:
        kind = "configuration" if read_toml(path).keys() & Config.model_fields.keys() else "recipe"
        if kind == "configuration":
            warnings = check_config(load_config(path), str(path))
        else:
            load_recipe(str(path))
    except ConfigurationError as fault:
        return _Report(str(path), kind, str(fault).splitlines(), warnings)
    return _Report(str(path), kind, [], warnings)
