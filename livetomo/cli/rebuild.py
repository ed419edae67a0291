"""`livetomo rebuild`: the catalog anew, from the result folders."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetomo.cli.options import configuration_option

if TYPE_CHECKING:
    from livetomo.catalog.rebuild import FoundResult
    from livetomo.config.configuration import Config
    from livetomo.core.exclusion import Exclusion
    from livetomo.core.manifest import ResultManifest


@click.command("rebuild", short_help="Rebuild the catalog from the result folders.")
@configuration_option
def command(configuration: Path) -> None:
    """Rebuild a damaged catalog from the results on disk. Stop the daemon before.

    The old catalog is set aside beside the new one. Results keep their identities, and events keep their event_id:
    published events are published again, and consumers that remember each event_id ignore them. Damaged results are
    left out, and their tomograms are processed again. If a watch has `since = "now"`, files that were left alone at its
    first start are processed now; to avoid this, write the date of its first start there.

    Example:  livetomo rebuild --config livetomo.toml
    """
    from livetomo.catalog.aside import set_aside
    from livetomo.catalog.catalog import Catalog
    from livetomo.catalog.database import CATALOG_NAME, lock_state, open_database
    from livetomo.catalog.highwater import high_water, read_note, write_note
    from livetomo.catalog.rebuild import rebuild
    from livetomo.config.configuration import load_config

    config = load_config(configuration)
    with closing(lock_state(config.state)):
        path = config.state / CATALOG_NAME
        note = read_note(path)
        if (aside := set_aside(path)) is not None:
            click.echo(f"The old catalog is {aside} now.")
        catalog = Catalog(open_database(path), site=config.site, instance=config.instance)
        with closing(catalog.db):
            number = rebuild(catalog, found_results(config), found_exclusions(config), seen=note.seq if note else 0)
            write_note(path, high_water(catalog.db))
    click.echo(f"{path} knows {number:,} results. Start the daemon again.")


def found_results(
    config: "Config", wanted: "Callable[[ResultManifest], bool]" = lambda manifest: True
) -> "Iterator[FoundResult]":
    """The results on disk whose manifest is `wanted`; damaged ones, and those of no watch, are named and left out."""
    from tqdm import tqdm

    from livetomo.catalog.rebuild import FoundResult
    from livetomo.core.errors import BadManifest
    from livetomo.results.folder import damage, find_results
    from livetomo.results.manifest import read_manifest
    from livetomo.results.session_facts import SessionFacts

    roots = {watch.name: watch.path for watch in config.watch}
    set_aside = cache(lambda session: frozenset(SessionFacts.read(session).set_aside))
    for folder in tqdm(find_results(config.output), unit="result", disable=not sys.stderr.isatty(), leave=False):
        with suppress(OSError, BadManifest):  # what is wrong with it is said below
            if not wanted(read_manifest(folder)):
                continue
        if harm := next(damage(folder), None):
            click.echo(f"left out: {folder}: {harm}", err=True)
            continue
        manifest = read_manifest(folder)
        root = roots.get(manifest.tomogram.watch)
        source = Path(manifest.source.path)
        if root is None or not source.is_relative_to(root):
            click.echo(f"left out: {folder}: it was made of {source}, which is below no watch", err=True)
            continue
        is_set_aside = manifest.result_id in set_aside(folder.parents[2])
        yield FoundResult(manifest, str(folder), source.relative_to(root).as_posix(), is_set_aside)


def found_exclusions(config: "Config") -> "Iterator[Exclusion]":
    """What people have taken out, as the daemon has left it in the sessions' folders."""
    from livetomo.core.tomogram import session_pattern
    from livetomo.results.session_facts import SESSION_FACTS, SessionFacts

    pattern = session_pattern(config.output, None, None) / SESSION_FACTS
    fixed = Path(pattern.anchor or ".")
    for path in sorted(fixed.glob(str(pattern.relative_to(fixed) if pattern.anchor else pattern))):
        yield from SessionFacts.read(path.parent).exclusions
