"""`livetomo restore`: restore a backup of the catalog."""

from contextlib import closing
from pathlib import Path

import click

from livetomo.cli.options import configuration_option


@click.command("restore", short_help="Restore a backup of the catalog.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--catalog-only", is_flag=True, help="Do not record results that are newer than the backup.")
@configuration_option
def command(file: Path, catalog_only: bool, configuration: Path) -> None:
    """Restore the catalog from FILE, which `livetomo backup` has written. Stop the daemon before.

    FILE is checked first: if it is damaged, or belongs to another site or instance, nothing is changed. The old catalog
    is set aside beside the new one, with the files that SQLite keeps beside it, and never deleted. Results that were
    made after the backup are recorded from their folders, and so is what was excluded since. Events are numbered anew,
    in a new epoch: consumers notice this and catch up by themselves.

    Example:  livetomo restore /backup/livetomo-2026-11-20.sqlite --config livetomo.toml
    """
    from livetomo.catalog.catalog import Catalog
    from livetomo.catalog.database import CATALOG_NAME, lock_state, open_database
    from livetomo.catalog.highwater import high_water, write_note
    from livetomo.catalog.rebuild import knows_better, record_results
    from livetomo.catalog.restore import restore
    from livetomo.cli.rebuild import found_exclusions, found_results
    from livetomo.config.configuration import load_config

    config = load_config(configuration)
    with closing(lock_state(config.state)):
        path = config.state / CATALOG_NAME
        if (aside := restore(file, path, site=config.site, instance=config.instance)) is not None:
            click.echo(f"The old catalog is {aside} now.")
        catalog = Catalog(open_database(path), site=config.site, instance=config.instance)
        with closing(catalog.db):
            newer = 0
            if not catalog_only:
                found = found_results(config, lambda each: not knows_better(catalog, each))
                newer = record_results(catalog, found, found_exclusions(config))
            known = catalog.db.execute("SELECT count(*) FROM results").fetchone()[0]
            write_note(path, high_water(catalog.db))
    click.echo(f"{path} knows {known:,} results, {newer:,} of them newer than the backup. Start the daemon again.")
