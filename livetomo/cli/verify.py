"""`livetomo verify`: are the results still what was published?"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetomo.cli.options import NAME, daemon_options

if TYPE_CHECKING:
    from livetomo.config.configuration import Config


@click.command("verify", short_help="Check results against their checksums.")
@click.argument("session", type=NAME, required=False)
@click.option("--watch", type=NAME, help="Only results of this watch.")
@daemon_options
def command(session: str | None, watch: str | None, configuration: Path, as_json: bool) -> None:
    """Compute the checksums of a session's results again (without SESSION: of all results).

    Files that differ are named. Results that the catalog knows and that are missing on the disk are named too. The
    command only reads; the daemon may run meanwhile. The exit code is 3 if something differs or is missing.

    Example:  livetomo verify 20261119_yeast
    """
    from tqdm import tqdm

    from livetomo.config.configuration import load_config
    from livetomo.core.errors import ConfigurationError, ExitCode
    from livetomo.results.folder import damage, find_results

    config = load_config(configuration)
    known, unknown_why = _known(config, watch, session)
    folders = find_results(config.output, watch, session)
    if not folders and not known and (watch or session):
        raise ConfigurationError(
            f"there is no result of {' in '.join(filter(None, (session, watch)))}: is it spelt right?"
        )
    missing = {folder: tomogram for tomogram, folder in known if not Path(folder).is_dir()}
    harm = {
        str(folder): sentences
        for folder in tqdm(folders, unit="result", disable=not sys.stderr.isatty(), leave=False)
        if (sentences := list(damage(folder)))
    }
    if as_json:
        report = {"results": len(folders), "damaged": harm, "missing": missing, "catalog": unknown_why or "compared"}
        click.echo(json.dumps(report))
    else:
        for folder, tomogram in missing.items():
            click.echo(f"{folder}: the result of {tomogram} is missing. Is something not mounted?")
        for folder, sentences in harm.items():
            click.echo("\n".join(f"{folder}: {sentence}" for sentence in sentences))
        click.echo(f"{len(folders) - len(harm):,} of {len(folders):,} results are as they were published.")
        if missing:
            click.echo(f"{len(missing):,} of the {len(known):,} that the catalog knows are missing.")
        if unknown_why:
            click.echo(f"It is not known what is missing: {unknown_why}", err=True)
    if harm or missing:
        if not as_json and harm:
            click.echo(
                "To make the others again: remove their folders and the catalog's memory of them by `livetomo "
                "rebuild`, with the daemon stopped."
            )
        sys.exit(ExitCode.INPUT)


def _known(config: "Config", watch: str | None, session: str | None) -> tuple[list[tuple[str, str]], str]:
    """(tomogram, folder) of each result that the catalog knows, or why it cannot be asked."""
    from contextlib import closing

    from livetomo.catalog.catalog import Catalog
    from livetomo.catalog.database import CATALOG_NAME, read_database
    from livetomo.core.errors import LivetomoError

    try:
        with closing(read_database(config.state / CATALOG_NAME)) as db:
            catalog = Catalog(db, site=config.site, instance=config.instance)
            return catalog.views.standing_folders(watch, session), ""
    except LivetomoError as fault:
        return [], str(fault)
