"""`livetomo verify`: are the results still what was published?"""

import json
import sys
from pathlib import Path

import click

from livetomo.cli.daemon import configuration_option, json_option


@click.command("verify", short_help="Check results against their checksums.")
@click.argument("session", required=False)
@click.option("--watch", help="Only results of this watch.")
@configuration_option
@json_option
def command(session: str | None, watch: str | None, configuration: Path, as_json: bool) -> None:
    """Compute the checksums of a session's results again (of all results without SESSION) and name what differs.

    Reads only; the daemon may run meanwhile. Ends with 3 where something differs.

    Example:  livetomo verify 20261119_yeast
    """
    from tqdm import tqdm

    from livetomo.config import load_config
    from livetomo.errors import ExitCode
    from livetomo.results import damage, find_results

    folders = find_results(load_config(configuration).output, watch, session)
    harm = {
        str(folder): told
        for folder in tqdm(folders, unit="result", disable=not sys.stderr.isatty(), leave=False)
        if (told := list(damage(folder)))
    }
    if as_json:
        click.echo(json.dumps({"results": len(folders), "damaged": harm}))
    else:
        for folder, told in harm.items():
            click.echo("\n".join(f"{folder}: {sentence}" for sentence in told))
        click.echo(f"{len(folders) - len(harm):,} of {len(folders):,} results are as they were published.")
    if harm:
        if not as_json:
            click.echo(
                "To make the others again: remove their folders and the catalog's memory of them by `livetomo "
                "rebuild`, with the daemon stopped."
            )
        sys.exit(ExitCode.INPUT)
