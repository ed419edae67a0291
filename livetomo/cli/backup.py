"""`livetomo backup`: a copy of the catalog, while the daemon runs."""

from pathlib import Path

import click

from livetomo.cli.options import configuration_option, request_daemon
from livetomo.core.errors import ConfigurationError


@click.command("backup", short_help="Copy the catalog while the daemon runs.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@configuration_option
def command(file: Path, configuration: Path) -> None:
    """Copy the running daemon's catalog to FILE, whole and consistent.

    To restore it, stop the daemon, call `livetomo restore FILE`, and start the daemon.

    Example:  livetomo backup /backup/livetomo-catalog.sqlite
    """
    import shutil

    if file.exists() and not _is_a_catalog(file):
        raise ConfigurationError(f"{file} is there, and is no catalog: it is not replaced. Name another file")
    from livetomo.system.atomic_write import replacing

    # The daemon writes to a place of its own: what is asked over a socket names no paths.
    copy = Path(request_daemon(configuration, "backup", {})["path"])
    try:
        with replacing(file) as scratch:
            shutil.copyfile(copy, scratch)
    finally:
        copy.unlink()
    click.echo(f"{file}: {file.stat().st_size:,} bytes")


def _is_a_catalog(file: Path) -> bool:
    """Whether an earlier backup lies there: a slip of the keyboard must not cost another file, or a device."""
    if not file.is_file():
        return False
    with file.open("rb") as there:
        return there.read(16) in (b"SQLite format 3\0", b"")
