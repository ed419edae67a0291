"""`livetomo sessions average`: a look at what was picked in a session."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetomo.cli.options import NAME, daemon_options, verdict_option
from livetomo.cli.session_folder import folder_of_session
from livetomo.cli.table import counted, print_table
from livetomo.core.errors import ExitCode
from livetomo.core.quality.metric import Verdict

if TYPE_CHECKING:
    from livetomo.results.average.session_average import SessionAverage
    from livetomo.results.left_out import LeftOut


@click.command("average", short_help="Average the particles whose orientations are known.")
@click.argument("session", type=NAME)
@click.option("--feature", "wanted", help="Of this feature alone. Default: of each that has orientations.")
@click.option("--watch", type=NAME, help="The session's watch, if several watches have a session of this name.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to. Default: average/ beside the results.",
)
@verdict_option
@daemon_options
def average(
    session: str,
    wanted: str | None,
    watch: str | None,
    output: Path | None,
    verdict: Verdict,
    configuration: Path,
    as_json: bool,
) -> None:
    """Average the particles of SESSION, in two halves, and say whether the halves agree more than chance gives.

    SESSION is a session's name, or a folder of results, as `livetomo process` makes it too. Each tomogram's particles
    were added up when it was processed, as their orientations were found: this is a look, not a refinement. What was
    excluded, and tomograms with a worse verdict than --verdict, are left out.

    For each feature FOLDER/FEATURE.mrc is the average, FEATURE_half1.mrc and FEATURE_half2.mrc are its halves, and
    FEATURE.png shows them. Beside the picks stands what as many places beside them give, which were turned to fit the
    map in the same way: picks are the particle only where they give more.

    Example:  livetomo sessions average results/krios1/20261119_yeast
    """
    from livetomo.results.average.session_average import oriented_features, session_average
    from livetomo.results.session_facts import SessionFacts
    from livetomo.results.session_picks import newest_results

    folder = folder_of_session(session, watch, configuration)
    left_out: list[LeftOut] = []
    results = SessionFacts.read(folder).chosen(newest_results(folder, left_out.append), verdict)
    features = [wanted] if wanted is not None else oriented_features(results)
    averages = [session_average(results, feature, left_out.append) for feature in features]
    output = output or folder / "average"
    for each in averages:
        _write(each, output)
    if as_json:
        click.echo(json.dumps({each.feature: _json(each) for each in averages}))
    else:
        print_table(
            ["feature", "particles", "tomograms", "signal", "by chance", "resolution"],
            [_row(each) for each in averages],
        )
    for one in left_out:
        click.echo(f"{one.tomogram} is left out: {one.fault}", err=True)
    if left_out:
        click.echo(f"{counted(len(left_out), 'tomogram')} left out", err=True)
        raise SystemExit(ExitCode.INPUT)


def _json(average: "SessionAverage") -> dict[str, int | float | None]:
    look = average.agreement()
    return {
        "particles": look.particles,
        "tomograms": average.tomograms,
        "signal": look.signal,
        "by_chance": look.by_chance,
        "resolution_angstrom": look.resolution_angstrom,
    }


def _row(average: "SessionAverage") -> list[str]:
    look = average.agreement()
    resolution = "none" if look.resolution_angstrom is None else f"{look.resolution_angstrom:.0f} Å"
    counts = (average.feature, f"{look.particles:,}", f"{average.tomograms:,}")
    return [*counts, f"{look.signal:.4f}", f"{look.by_chance:.4f}", resolution]


def _write(average: "SessionAverage", folder: Path) -> None:
    """The average, its halves and their picture, in place of earlier ones."""
    from livetomo.core.geometry import TomogramGeometry
    from livetomo.core.particle_sums import SIDE, average_voxel_angstrom
    from livetomo.formats.mrc import write_map
    from livetomo.results.average.picture import write_picture

    folder.mkdir(parents=True, exist_ok=True)
    one = average.average
    geometry = TomogramGeometry((SIDE, SIDE, SIDE), average_voxel_angstrom(one.diameter_angstrom))
    volumes = zip(("", "_half1", "_half2"), (one.particles.average(), *one.particles.halves()), strict=True)
    for ending, volume in volumes:
        path = folder / f"{average.feature}{ending}.mrc"
        path.unlink(missing_ok=True)
        write_map(path, volume, geometry)
    write_picture(folder / f"{average.feature}.png", average)
