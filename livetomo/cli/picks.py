"""`livetomo picks`: a session's picks in any format."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from livetomo.cli.acquisition import acquisition_options
from livetomo.cli.curation import curation_options
from livetomo.cli.options import EXISTING_FILE, NAME, daemon_options, verdict_option
from livetomo.cli.session_folder import folder_of_session
from livetomo.cli.table import counted
from livetomo.config.curation import Curation
from livetomo.core.errors import ConfigurationError, ExitCode
from livetomo.core.quality.metric import Verdict
from livetomo.results.left_out import LeftOut

if TYPE_CHECKING:
    from livetomo.core.acquisition import Acquisition
    from livetomo.curation.dropped import Dropped
    from livetomo.results.folder import Result


@click.command("picks", short_help="Write a session's picks in any format.")
@click.argument("session", type=NAME)
@click.option("--watch", type=NAME, help="The session's watch, if several watches have a session of this name.")
@click.option("--feature", help="Feature whose picks are written; needed if there are several features.")
@click.option(
    "--format",
    "format_name",
    default="relion5",
    show_default=True,
    metavar="FORMAT",
    help="One of the formats listed above.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to. Default: SESSION/exports/FORMAT.",
)
@click.option("--threshold", type=click.FloatRange(0, 1), help="Score threshold to use instead of the published one.")
@click.option(
    "--false-share",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Take the strongest picks of each tomogram among which this share is expected to be false, instead.",
)
@click.option(
    "--pixel-size",
    type=click.FloatRange(0.1, 100),
    metavar="Å",
    help="Pixel size of the unbinned tilt series, for formats that need it.",
)
@click.option(
    "--tomograms-star",
    type=EXISTING_FILE,
    help="RELION 5's own tomograms.star with these tilt series: it gives names, sizes and pixel size.",
)
@acquisition_options
@click.option(
    "--calibrate",
    is_flag=True,
    help="Make scores comparable between tomograms; --threshold then applies to these scores.",
)
@curation_options
@verdict_option
@daemon_options
def command(
    session: str,
    watch: str | None,
    feature: str | None,
    format_name: str,
    output: Path | None,
    threshold: float | None,
    false_share: float | None,
    pixel_size: float | None,
    tomograms_star: Path | None,
    acquisition: "Acquisition",
    calibrate: bool,
    curation: Curation,
    verdict: Verdict,
    configuration: Path,
    as_json: bool,
) -> None:
    """Write the picks of all tomograms of SESSION.

    SESSION is a folder of results, or the name of a session that the daemon knows.

    --threshold and --false-share choose anew among the candidates that were kept; nothing is computed again.

    RELION 5 needs voltage, spherical aberration, amplitude contrast, hand and dose of the tilt series, too: give by
    --voltage to --view-dose what the files beside the tomograms do not say. The command says what is missing.

    Among these, the options from --region to --top keep picks by where they lie and what is near them, and say how many
    they left out (docs/curation.md).

    Tomograms whose verdict is bad are left out, unless --verdict says otherwise, and so is what was excluded (livetomo
    exclude). Each is named.

    The files go to SESSION/exports/FORMAT unless --output says another folder; SESSION/particles is the daemon's own.

    The newest revision of each tomogram is used. Files are replaced as a whole, so you can call the command again
    during a session. A tomogram whose result is damaged is left out with a message; the exit code is then 3.

    Formats: relion5, relion5-priors, relion4, relion31, warp, dynamo, stopgap, eman2, copick, imod, imodmod, peet,
    em-motl, cbox, cryoet-portal, napari, chimerax, csv.

    Example:  livetomo picks results/krios1/20261119_yeast --feature ribosome --format warp --output warp

    Example:  livetomo picks 20261119_yeast --config livetomo.toml --feature ribosome --format warp --output warp
    """
    from livetomo.curation.dropped import by_reason
    from livetomo.curation.rules import rules_of
    from livetomo.formats.exporter import EXPORTERS, InAFolder
    from livetomo.formats.relion import Relion5Exporter
    from livetomo.formats.stored_frame import said_of
    from livetomo.results.curation import refuse_if_impossible
    from livetomo.results.session_facts import SessionFacts
    from livetomo.results.session_files import NAMES, write_session
    from livetomo.results.session_picks import (
        asks_for_calibration,
        expected_false,
        features,
        first_feature,
        newest_results,
        read_picks,
    )

    if format_name not in EXPORTERS:
        raise ConfigurationError(f"--format {format_name}: is not a format; the formats are {', '.join(EXPORTERS)}")
    if threshold is not None and false_share is not None:
        raise ConfigurationError("--threshold and --false-share each choose the picks: give one of them")
    rules = rules_of(curation)
    folder = folder_of_session(session, watch, configuration)
    left_out: list[LeftOut] = []
    results = newest_results(folder, left_out.append)
    if tomograms_star is not None:
        results = _in_tomograms_star(results, tomograms_star)
    known = features(results)
    if feature is None and len(known) == 1:
        (feature,) = known
    if feature not in known:
        wrong = "--feature is needed" if feature is None else f"--feature {feature}: there are no picks of it"
        raise ConfigurationError(f"{wrong}; the features of {folder} are {', '.join(known)}")
    everywhere = isinstance(
        EXPORTERS[format_name], Relion5Exporter
    )  # all its features share one list of the session's tomograms
    facts = SessionFacts.read(folder)
    without: dict[str, list[str]] = {}
    dropped: list[Dropped] = []
    sets = read_picks(
        facts.chosen(results, verdict, lambda name, why: without.setdefault(name, []).append(why)),
        feature,
        threshold=threshold,
        false_share=false_share,
        pixel_size_angstrom=pixel_size,
        tomograms_star="" if tomograms_star is None else str(tomograms_star.absolute()),
        acquisition=acquisition,
        everywhere=everywhere,
        calibrate=calibrate,
        rules=rules,
        facts=facts,
        leave_out=left_out.append,
        count=dropped.append,
    )
    refuse_if_impossible(left_out, dropped)
    is_first = output is not None or feature == first_feature(results)
    output = _output(output, folder, format_name)
    try:
        files = write_session(sets, feature, format_name, output, is_first=is_first, leave_out=left_out.append)
    except OSError as fault:
        raise ConfigurationError(f"--output {output}: cannot be written ({fault.strerror})") from None
    exporter = EXPORTERS[format_name]
    notes = list(exporter.lacks(sets)) if isinstance(exporter, InAFolder) else []
    if turned := said_of(exporter, sets):
        notes.append(turned)
    unreadable = {left.tomogram for left in left_out}
    sets = [placed for placed in sets if placed.frame.name not in unreadable]
    calibrate = calibrate or asks_for_calibration(results, feature)
    count = sum(len(placed.picks) for placed in sets)
    expected, unknown = expected_false(sets)
    if as_json:
        counts = {placed.frame.name: len(placed.picks) for placed in sets}
        report = {
            "feature": feature,
            "format": format_name,
            "picks": count,
            "tomograms": counts,
            "calibrated": calibrate,
            "expected_false": round(expected, 1),
            "unknown": unknown,
            "left_out": {left.tomogram: str(left.fault) for left in left_out},
            "not_taken": without,
            "notes": notes,
            "curated": by_reason(dropped),
        }
        click.echo(json.dumps(report | {"files": [str(path) for path in files]}, indent=1))
        sys.exit(ExitCode.INPUT if left_out else ExitCode.OK)
    places = counted(len(sets), "tomogram")
    false = _false(expected, count, unknown)
    click.echo(f"{counted(count, 'pick')} of {feature} in {places}{false}{', scores calibrated' if calibrate else ''}:")
    for path in files:
        click.echo(f"  {path}")
    if files[-1].name == NAMES:
        click.echo(f"Some names are replaced by substitutes: {NAMES} lists them.")
    for each in by_reason(dropped):
        click.echo(f"curated: {counted(each['picks'], 'pick')} left out, {each['why']}")
    for sentence in notes:
        click.echo(sentence)
    for name, whys in without.items():
        click.echo(f"not taken: {name}: {'; '.join(whys)}")
    for left in left_out:
        click.echo(f"{left.tomogram} is left out: {left.fault}", err=True)
    if left_out:
        sys.exit(ExitCode.INPUT)


def _in_tomograms_star(results: "list[Result]", path: Path) -> "list[Result]":
    """The results with what RELION's tomograms.star says of their tilt series."""
    from dataclasses import replace

    from livetomo.core.series import exported_name
    from livetomo.intake.sidecars.numbers import NotUnderstood
    from livetomo.intake.sidecars.star import facts_of_tomogram, tomogram_rows

    try:
        rows = tomogram_rows(path.read_text(encoding="utf-8"))
    except (NotUnderstood, UnicodeDecodeError) as fault:
        raise ConfigurationError(f"--tomograms-star {path}: is no star file ({fault})") from None
    known, unknown = [], []
    for result in results:
        name = exported_name(result.manifest.tomogram.name, result.facts)
        try:
            known.append(replace(result, facts=result.facts | facts_of_tomogram(rows, name)))
        except NotUnderstood:
            unknown.append(name)
    if unknown:
        more = f" and {len(unknown) - 3} others" if len(unknown) > 3 else ""
        raise ConfigurationError(
            f"--tomograms-star {path}: has no tilt series {', '.join(unknown[:3])}{more}. Name the file that has all "
            "of them (relion_star_handler --combine makes one of several)."
        )
    return known


def _output(given: Path | None, session: Path, format_name: str) -> Path:
    """Where the files go: not where the daemon keeps its own, which it replaces after each result, and readers trust.

    Raises:
        ConfigurationError: they are to go there.
    """
    if given is None:
        return session / "exports" / format_name
    if given.resolve() == (session / "particles").resolve():
        raise ConfigurationError(
            f"--output {given}: the daemon keeps its own files of the session there. Choose another folder, or leave "
            f"--output out: then it is {session / 'exports' / format_name}"
        )
    return given


def _false(expected: float, count: int, unknown: int) -> str:
    """How many of so many picks are expected to be false, `unknown` of them without an estimate; empty if all are."""
    if unknown >= count:
        return ""
    of = "them" if not unknown else f"{count - unknown:,}"
    return f", about {expected:,.0f} of {of} false"
