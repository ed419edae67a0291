"""`livetomo sessions report`: a session as one file to keep with its data."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetomo.cli.daemon import configuration_option
from livetomo.cli.name_given import NAME
from livetomo.cli.table import counted
from livetomo.core.errors import ConfigurationError

if TYPE_CHECKING:
    from livetomo.web.report.session import Session


@click.command("report", short_help="Write one HTML file, to keep with the data.")
@click.argument("session", type=NAME)
@click.option("--watch", type=NAME, help="The session's watch, if several watches have a session of this name.")
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: report.html beside the results"
)
@click.option("--pictures", default=100, show_default=True, type=click.IntRange(0), help="How many at most.")
@configuration_option
def report(session: str, watch: str | None, output: Path | None, pictures: int, configuration: Path) -> None:
    """Write one HTML file about SESSION to keep with its data: quality, picks, pictures, and how all of it was made.

    SESSION is the name of a session, which is read from the daemon's catalog (the daemon need not run); or a folder of
    results, as `livetomo process` makes it too: what failed is not known there.

    Example:  livetomo sessions report 20261119_yeast --config livetomo.toml
    """
    from livetomo.system.atomic_write import replace_text
    from livetomo.web.report.page import page
    from livetomo.web.report.session import of_folder

    if watch is None and Path(session).is_dir():
        session_report, folder = of_folder(Path(session)), Path(session)
    else:
        session_report, folder = _from_catalog(session, watch, configuration)
    path = output or folder / "report.html"
    replace_text(path, page(session_report, now=datetime.now(UTC), most_pictures=pictures))
    click.echo(f"{path}: {counted(len(session_report.rows), 'tomogram')}, {path.stat().st_size / 1e3:,.0f} kB")


def _from_catalog(session: str, watch: str | None, configuration: Path) -> "tuple[Session, Path]":
    """The session of this name, and the folder of its results."""
    from livetomo.catalog.catalog import Catalog
    from livetomo.catalog.database import CATALOG_NAME, read_database
    from livetomo.config.configuration import load_config
    from livetomo.core.tomogram import session_folder
    from livetomo.web.report.session import of_catalog

    if not configuration.exists():
        raise ConfigurationError(
            f"{session}: there is no such folder; for a session's name, say by --config which configuration the daemon "
            f"has ({configuration} is not there)"
        )
    config = load_config(configuration)
    with closing(read_database(config.state / CATALOG_NAME)) as db:
        catalog = Catalog(db, site=config.site, instance=config.instance)
        watches = [name for name in catalog.sessions.named(session) if watch in (None, name)]
        if not watches:
            where = f" of the watch {watch}" if watch else ""
            raise ConfigurationError(f"{session}: is neither a folder nor a session{where} that the catalog knows")
        if len(watches) > 1:
            raise ConfigurationError(f"{session}: there are several of this name; say --watch {' or '.join(watches)}")
        return of_catalog(catalog, watches[0], session), session_folder(config.output, watches[0], session)
