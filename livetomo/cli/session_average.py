"""`livetomo sessions average`: a look at what was picked in a session."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetomo.cli.options import NAME, daemon_options, verdict_option
from livetomo.cli.session_folder import folder_of_session
from livetomo.cli.table import counted, print_table
from livetomo.core.average_summary import AverageSummary
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

    For each feature FOLDER/FEATURE.mrc is the average, FEATURE_half1.mrc and FEATURE_half2.mrc are its halves,
    FEATURE.png shows them, and FEATURE.json has the numbers and both curves. Beside the picks stands what as many
    places beside them give, which were turned to fit the map in the same way: picks are the particle only where they
    give more. A running daemon writes the same files after each result.

    Example:  livetomo sessions average results/krios1/20261119_yeast
    """
    from livetomo.results.average.files import write_files
    from livetomo.results.average.names import AVERAGES
    from livetomo.results.average.session_average import oriented_features, session_average
    from livetomo.results.session_facts import SessionFacts
    from livetomo.results.session_picks import newest_results

    folder = folder_of_session(session, watch, configuration)
    facts = SessionFacts.read(folder)
    left_out: list[LeftOut] = []
    results = facts.chosen(newest_results(folder, left_out.append), verdict)
    features = [wanted] if wanted is not None else oriented_features(results)
    averages = [session_average(facts.of_feature(results, feature), feature, left_out.append) for feature in features]
    output = output or folder / AVERAGES
    summaries = [write_files(output, each) for each in averages]
    if as_json:
        named = zip(averages, summaries, strict=True)
        click.echo(json.dumps({each.feature: summary.to_json() for each, summary in named}))
    else:
        print_table(
            ["feature", "particles", "tomograms", "signal", "by chance", "resolution"],
            [_row(*each) for each in zip(averages, summaries, strict=True)],
        )
    for one in left_out:
        click.echo(f"{one.tomogram} is left out: {one.fault}", err=True)
    if left_out:
        click.echo(f"{counted(len(left_out), 'tomogram')} left out", err=True)
        raise SystemExit(ExitCode.INPUT)


def _row(average: "SessionAverage", summary: AverageSummary) -> list[str]:
    resolution = "none" if summary.resolution_angstrom is None else f"{summary.resolution_angstrom:.0f} Å"
    counts = (average.feature, f"{summary.particles:,}", f"{summary.tomograms:,}")
    return [*counts, f"{summary.signal:.4f}", f"{summary.by_chance:.4f}", resolution]
