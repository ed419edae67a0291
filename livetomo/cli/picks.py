"""`livetomo picks`: a session's picks in any format."""

import json
from pathlib import Path

import click

from livetomo.errors import ConfigurationError


@click.command("picks", short_help="A session's picks in any format.")
@click.argument("session", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--feature", help="Whose picks; needed where there are several features.")
@click.option("--format", "format_name", default="relion5", show_default=True, metavar="FORMAT", help="See below.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="Where to; default: SESSION/particles."
)
@click.option("--threshold", type=click.FloatRange(0, 1), help="Instead of the one they were published at.")
@click.option(
    "--pixel-size", type=click.FloatRange(0.1, 100), metavar="Å", help="Of the unbinned tilt series, where it matters."
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def command(
    session: Path,
    feature: str | None,
    format_name: str,
    output: Path | None,
    threshold: float | None,
    pixel_size: float | None,
    as_json: bool,
) -> None:
    """Write the picks of all tomograms of SESSION, a folder `<output>/<watch>/<session>` of results.

    Of each tomogram the newest revision counts. Files are replaced whole: calling it again during a session is safe.

    Formats: relion5, relion4, relion31, warp, dynamo, stopgap, eman2, copick, imod, csv.

    Example:  livetomo picks results/krios1/20261119_yeast --feature ribosome --format warp --output warp
    """
    from livetomo.formats.export import EXPORTERS
    from livetomo.session_picks import features, newest_results, read_picks, write_session

    if format_name not in EXPORTERS:
        raise ConfigurationError(f"--format {format_name}: is not a format; the formats are {', '.join(EXPORTERS)}")
    results = newest_results(session)
    known = features(results)
    if feature is None and len(known) == 1:
        (feature,) = known
    if feature not in known:
        wrong = "--feature is needed" if feature is None else f"--feature {feature}: there are no picks of it"
        raise ConfigurationError(f"{wrong}; the features of {session} are {', '.join(known)}")
    sets = read_picks(results, feature, threshold=threshold, pixel_size_angstrom=pixel_size)
    files = write_session(sets, feature, format_name, output or session / "particles")
    count = sum(len(placed.picks) for placed in sets)
    if as_json:
        counts = {placed.frame.name: len(placed.picks) for placed in sets}
        report = {"feature": feature, "format": format_name, "picks": count, "tomograms": counts}
        click.echo(json.dumps(report | {"files": [str(path) for path in files]}, indent=1))
        return
    click.echo(f"{count:,} picks of {feature} in {len(sets)} tomograms:")
    for path in files:
        click.echo(f"  {path}")
