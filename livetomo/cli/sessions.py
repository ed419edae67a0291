"""`livetomo sessions`: the acquisition sessions, what counts for one of them alone, and a session as one file."""

import json
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetomo.cli.options import (
    NAME,
    VOXEL_SIZE,
    ask_daemon,
    configuration_option,
    daemon_options,
    request_daemon,
    say,
)
from livetomo.cli.session_average import average
from livetomo.cli.table import counted, print_table
from livetomo.core.errors import ConfigurationError

if TYPE_CHECKING:
    from livetomo.web.report.session import Session


@click.group("sessions", short_help="List sessions, change settings of one, write a report or an average.")
def command() -> None:
    """List the sessions that the daemon knows, change settings of one session, or write its report or average.

    Example:  livetomo sessions list
    """


command.add_command(average)


@command.command("list")
@click.option("--limit", default=20, show_default=True, help="How many of them.")
@daemon_options
def list_(limit: int, configuration: Path, as_json: bool) -> None:
    """List the newest sessions.

    Example:  livetomo sessions list --limit 5
    """
    from livetomo.core.units import spoken_seconds

    sessions = ask_daemon(configuration, f"/api/v1/sessions?limit={limit}")["sessions"]
    if as_json:
        click.echo(json.dumps(sessions))
    elif not sessions:
        click.echo("No tomogram has landed yet.")
    else:
        now = datetime.now(UTC)
        rows = [
            [
                each["watch"],
                each["session"],
                each["tomograms"],
                ", ".join(f"{count:,} {state}" for state, count in each["states"].items()),
                f"{spoken_seconds((now - datetime.fromisoformat(each['newest'])).total_seconds())} ago",
                each["verdict"],
                "; ".join(spoken_target(target, now) for target in each["targets"]),
            ]
            for each in sessions
        ]
        print_table(["watch", "session", "tomograms", "of which", "last landed", "verdict", "targets"], rows)


@command.command("set", short_help="Set recipe, voxel size or density of one session.")
@click.argument("session", type=NAME)
@click.option(
    "--watch", type=NAME, help="The session's watch, if several watches have such a session or it has not begun."
)
@click.option("--recipe", help="Built-in recipe, or recipe file, to use instead of the watch's.")
@click.option("--voxel-size", type=VOXEL_SIZE, metavar="Å", help="Voxel size to use instead of the one in the headers.")
@click.option("--density", type=click.Choice(["dark", "bright"]), help="Density to use instead of the recipe's.")
@daemon_options
def set_(configuration: Path, as_json: bool, recipe: str | None, **said: Any) -> None:
    """Set recipe, voxel size or density for SESSION alone, for tomograms that land in it from now on.

    Each call replaces the earlier settings; a call without options removes them. To process again what has landed
    already, call `livetomo reprocess SESSION --recipe …`.

    Example:  livetomo sessions set 20261119_yeast --voxel-size 7.84
    """
    path = str(Path(recipe).resolve()) if recipe and recipe.endswith(".toml") else recipe
    done = request_daemon(configuration, "set_session", said | {"recipe": path})
    words = ", ".join(f"{key} {value}" for key, value in done["overrides"].items() if value is not None)
    say(done, as_json, f"{done['watch']}/{done['session']}: {words or 'as its watch has it'}")


@command.command("report", short_help="Write one HTML file, to keep with the data.")
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


def spoken_target(target: Mapping[str, Any], now: datetime) -> str:
    """`812 of 9,000 ribosome, the rest in about 3 h`."""
    from livetomo.core.units import spoken_seconds

    said = f"{target['found']:,} of {target['wanted']:,} {target['feature']}"
    if target["found"] >= target["wanted"]:
        return f"{said}, reached"
    if target["expected"] is None:
        return said
    left = max(0.0, (datetime.fromisoformat(target["expected"]) - now).total_seconds())
    return f"{said}, the rest in about {spoken_seconds(left)}"


@command.command("target", short_help="Set how many particles a session is to have.")
@click.argument("session", type=NAME)
@click.argument("targets", nargs=-1, metavar="[FEATURE=PARTICLES]...")
@click.option(
    "--watch", type=NAME, help="The session's watch, if several watches have such a session or it has not begun."
)
@daemon_options
def target(session: str, targets: tuple[str, ...], watch: str | None, configuration: Path, as_json: bool) -> None:
    """Say how many particles SESSION is to have: status and page then say when it will have them, at the present rate.

    Each call replaces the earlier targets; a call without any target removes them. Nothing else changes: the session
    goes on when its targets are reached.

    Example:  livetomo sessions target 20261119_yeast ribosome=20000
    """
    wanted = {}
    for each in targets:
        feature, _, number = each.partition("=")
        if not feature or not number.isascii() or not number.isdigit() or int(number) == 0:
            raise click.BadParameter(f'"{each}" is no target; write one like ribosome=20000', param_hint="TARGETS")
        wanted[feature] = int(number)
    done = request_daemon(configuration, "set_target", {"session": session, "watch": watch, "targets": wanted})
    words = ", ".join(f"{number:,} {feature}" for feature, number in done["targets"].items())
    say(done, as_json, f"{done['watch']}/{done['session']}: {words or 'no target'}")
