"""`livetomo doctor`: is this machine ready? And what does this file's header say?"""

import json
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from livetomo.cli.options import json_option
from livetomo.core.errors import ConfigurationError, ExitCode

_MARKS = {"good": "ok  ", "warn": "warn", "bad": "BAD "}


@click.command("doctor", short_help="Examine this machine, or the header of a tomogram.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@json_option("JSON, for programs: one object for each finding, or for the file.")
def command(file: Path | None, as_json: bool) -> None:
    """Look at this machine, or at the header of a tomogram.

    Without FILE: versions, devices and their free memory, and the clock. With a configuration as FILE also its folders
    and its broker, which is given one message of each kind; nothing else is written. Run it as the daemon's user.

    With a tomogram as FILE: what its header holds, and how livetomo reads it. This is made for reports of problems: it
    shows the file's name, but no folder, no voxels, and of each label the first word alone.

    The exit code is 6 when something is bad.

    Example:  livetomo doctor livetomo.toml

    Example:  livetomo doctor TS_01.mrc
    """
    if file is not None and _holds_a_volume(file):
        _report(file, as_json)
    else:
        _examine(file, as_json)


def _holds_a_volume(file: Path) -> bool:
    """Whether a file is meant as a tomogram, not as a configuration: by its ending, or by bytes that no text has."""
    from livetomo.formats.endings import COMPRESSED, VOLUMES

    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return file.name.lower().endswith((*VOLUMES, *COMPRESSED)) or b"\0" in opened.read(32)


def _report(file: Path, as_json: bool) -> None:
    from livetomo.formats.header_report import report_header

    report = report_header(file)
    if as_json:
        click.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        click.echo(f"{report.file}  {report.size_bytes:,} bytes  {report.compression}".rstrip())
        for name, value in report.fields.items():
            click.echo(f"  {name}: {value}")
        if report.written_by:
            click.echo(f"  labels begin with: {', '.join(report.written_by)}")
        click.echo("the header up to its labels:")
        for line in report.first_bytes:
            click.echo(f"  {line}")
        if report.read_as:
            click.echo("read as:")
        for name, value in report.read_as.items():
            if value != "":
                click.echo(f"  {name}: {value}")
        for warning in report.warnings:
            click.echo(f"{_MARKS['warn']}  {warning}")
        if report.refused:
            click.echo(f"{_MARKS['bad']}  {report.refused}")
    if report.refused:
        raise SystemExit(ExitCode.INCOMPLETE)


def _examine(configuration: Path | None, as_json: bool) -> None:
    from livetomo.config.configuration import load_config
    from livetomo.config.cross_checks import check_config
    from livetomo.daemon.doctor import Finding, examine

    config = load_config(configuration) if configuration else None
    try:
        warnings = check_config(config, str(configuration)) if config else []
        oddities = [
            Finding("configuration", "warn", warning, "Correct it, unless you intend it") for warning in warnings
        ]
    except ConfigurationError as faults:
        oddities = [
            Finding("configuration", "bad", fault, "The daemon does not start") for fault in str(faults).splitlines()
        ]
    verdicts = set()
    for finding in chain(oddities, examine(config)):
        verdicts.add(finding.verdict)
        if as_json:
            click.echo(json.dumps(asdict(finding)))
            continue
        click.echo(f"{_MARKS[finding.verdict]}  {finding.about}: {finding.said}")
        if finding.verdict != "good":
            click.echo(f"      -> {finding.cure}")
    if "bad" in verdicts:
        raise SystemExit(ExitCode.INCOMPLETE)
