"""`livetomo rebuild`: the catalog anew, from the result folders."""

import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetomo.cli.daemon import configuration_option

if TYPE_CHECKING:
    from livetomo.catalog.rebuild import Found
    from livetomo.config import Config


@click.command("rebuild", short_help="Make the catalog anew from the result folders.")
@configuration_option
def command(configuration: Path) -> None:
    """Make the catalog anew from the results on disk, for when it is damaged; the daemon has to be stopped.

    The old catalog is set aside beside the new one. Results keep their identities, and events their event_id: what was
    published is published again, and consumers that remember the event_id notice nothing. Damaged results are left
    out, and their tomograms processed again. Where a watch has `since = "now"`, files that were left alone at its first
    start are taken in now; to leave them alone, give it the date of its first start.

    Example:  livetomo rebuild --config livetomo.toml
    """
    from livetomo.catalog.catalog import Catalog
    from livetomo.catalog.database import lock_state, open_database
    from livetomo.catalog.rebuild import rebuild
    from livetomo.config import load_config
    from livetomo.daemon import CATALOG_NAME

    config = load_config(configuration)
    with closing(lock_state(config.state)):
        path = config.state / CATALOG_NAME
        if (aside := _set_aside(path)) is not None:
            click.echo(f"The old catalog is {aside} now.")
        catalog = Catalog(open_database(path), site=config.site, instance=config.instance)
        number = rebuild(catalog, _found(config))
        catalog.db.close()
    click.echo(f"{path} knows {number:,} results. Start the daemon again.")


def _set_aside(path: Path) -> Path | None:
    """Rename the catalog and what SQLite keeps beside it."""
    if not path.exists():
        return None
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(f"{path.name}.{stamp}{suffix}"))
    return path.with_name(f"{path.name}.{stamp}")


def _found(config: "Config") -> "Iterator[Found]":
    from tqdm import tqdm

    from livetomo.catalog.rebuild import Found
    from livetomo.manifest import read_manifest
    from livetomo.results import damage, find_results

    roots = {watch.name: watch.path for watch in config.watch}
    for folder in tqdm(find_results(config.output), unit="result", disable=not sys.stderr.isatty(), leave=False):
        if harm := next(damage(folder), None):
            click.echo(f"left out: {folder}: {harm}", err=True)
            continue
        manifest = read_manifest(folder)
        root = roots.get(manifest["tomogram"]["watch"])
        source = Path(manifest["source"]["path"])
        if root is None or not source.is_relative_to(root):
            click.echo(f"left out: {folder}: it was made of {source}, which is below no watch", err=True)
            continue
        yield Found(manifest, str(folder), source.relative_to(root).as_posix())
