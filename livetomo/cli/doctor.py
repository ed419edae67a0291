"""`livetomo doctor`: is this machine ready?"""

import json
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from livetomo.errors import ConfigurationError, ExitCode

_MARKS = {"good": "ok  ", "warn": "warn", "bad": "BAD "}


@click.command("doctor", short_help="Is this machine ready?")
@click.argument("configuration", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per finding, for programs.")
def command(configuration: Path | None, as_json: bool) -> None:
    """Look at this machine: versions, devices and their free memory, clock; with CONFIGURATION also folders and broker.

    Run it as the user that the daemon runs as. The broker is given one message, at the topic …/doctor; nothing else is
    written. The exit code is 6 when something is bad.

    Example:  livetomo doctor livetomo.toml
    """
    from livetomo.config import load_config
    from livetomo.crosscheck import check_config
    from livetomo.doctor import Finding, examine

    config = load_config(configuration) if configuration else None
    try:
        warnings = check_config(config, str(configuration)) if config else []
        oddities = [Finding("configuration", "warn", warning, "Mend it, unless it is meant") for warning in warnings]
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
