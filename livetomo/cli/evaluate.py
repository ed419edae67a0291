"""`livetomo evaluate`: score picks and segmentations against what is known."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from livetomo.cli.evaluate_particles import particles
from livetomo.cli.options import EXISTING, VOXEL_SIZE, density_option, device_option, json_option, number
from livetomo.core.errors import ConfigurationError

if TYPE_CHECKING:
    from livetomo.evaluate.positions import Positions

MULTIPLES = (1, 2, 3, 10)
_HIDDEN_REACH_ANGSTROM = 60.0
"""Around membrane that the missing wedge hides: its own half width, and as much again for its blur."""

_radius_option = number("--radius", 125.0, 0, help="Distance in Å up to which a pick and a particle match.")
_truth_apart_option = click.option(
    "--truth-apart",
    type=click.FloatRange(0),
    default=0.0,
    help="Drop true particles that are closer to each other than this many Å.",
)
_plot_option = click.option(
    "--plot", type=click.Path(dir_okay=False, path_type=Path), help="Draw precision over recall as a PNG."
)


@click.group(
    "evaluate",
    short_help="Compare picks and segmentations with the truth.",
    epilog="Example:  livetomo evaluate picks results/TS_01/r1-85d73c31 TS_01_ribosome.copick.json",
)
def command() -> None:
    """Compare picks and segmentations with the truth."""


command.add_command(particles)


@command.command(
    "picks",
    epilog="Example:  livetomo evaluate picks results/TS_01/r1-85d73c31 TS_01_ribosome.copick.json --radius 125",
)
@click.argument("found", type=EXISTING)
@click.argument("truth", type=EXISTING)
@click.option("--feature", default="ribosome", show_default=True, help="Feature of the result folder.")
@_radius_option
@click.option(
    "--threshold",
    type=float,
    help="Score from which on picks count as published. Default: that of the result; of a list, all of it.",
)
@click.option("--tomogram", type=EXISTING, help="The MRC file that a star's coordinates refer to.")
@_truth_apart_option
@_plot_option
@json_option()
def picks(
    found: Path,
    truth: Path,
    feature: str,
    radius: float,
    threshold: float | None,
    tomogram: Path | None,
    truth_apart: float,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Compare FOUND with TRUTH: RELION stars, copick JSON, or a result folder (all its candidates).

    Each pick matches one particle at most. If the truth is incomplete, only the recall means something: that of the
    first N, 2N, 3N and 10N picks by score, where N is the number of true particles. For figures like those of the CZII
    challenge, give half the particle's radius as --radius and read F4.
    """
    from livetomo.evaluate.positions import published_threshold, read_positions
    from livetomo.formats.mrc_header import read_header

    geometry = read_header(tomogram).geometry() if tomogram else None
    if threshold is None:
        threshold = published_threshold(found, feature)
    claimed = read_positions(found, feature, geometry)
    true = read_positions(truth, feature, geometry).apart(truth_apart)
    figures = _figures(claimed, true, radius, threshold)
    if plot is not None:
        _plot(plot, feature, claimed, true, radius)
    _print_figures(figures, as_json)


@command.command(
    "model", epilog="Example:  livetomo evaluate model cellular.safetensors TS_01.mrc TS_01_ribosome.copick.json"
)
@click.argument("model", type=EXISTING)
@click.argument("tomogram", type=EXISTING)
@click.argument("truth", type=EXISTING)
@click.option("--feature", default="ribosome", show_default=True, help="Feature whose picks are compared.")
@_radius_option
@click.option("--threshold", type=float, default=0.5, show_default=True, help="Lowest score of a published pick.")
@_truth_apart_option
@density_option()
@click.option("--mirrors", type=click.Choice(["1", "2", "4", "8"]), default="1", help="See the recipe's `mirrors`.")
@device_option
@_plot_option
@json_option()
def model(
    model: Path,
    tomogram: Path,
    truth: Path,
    feature: str,
    radius: float,
    threshold: float,
    truth_apart: float,
    density: str,
    mirrors: str,
    device: str,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Run a MODEL package over a TOMOGRAM and compare its candidates with TRUTH, as `evaluate picks` does."""
    from livetomo.evaluate.model import candidates, segment_file
    from livetomo.evaluate.positions import read_positions
    from livetomo.formats.mrc_header import read_header

    geometry = read_header(tomogram).geometry()
    true = read_positions(truth, feature, geometry).apart(truth_apart)
    found = segment_file(model, tomogram, device=device, bright=density == "bright", mirrors=int(mirrors))
    claimed = candidates(found, feature, geometry)
    if plot is not None:
        _plot(plot, feature, claimed, true, radius)
    _print_figures(_figures(claimed, true, radius, threshold), as_json)


@command.command(
    "segmentation",
    epilog="Example:  livetomo evaluate segmentation probabilities/membrane.mrc sim_0001_labels.mrc --feature membrane",
)
@click.argument("probability", type=EXISTING)
@click.argument("labels", type=EXISTING)
@click.option("--feature", required=True, help="Feature: its name, or its value in LABELS.")
@number("--threshold", 0.5, 0, 1)
@click.option("--normal-z", type=EXISTING, help="NAME_normal_z.mrc, to score by the membrane's orientation too.")
@_plot_option
@json_option()
def segmentation(
    probability: Path,
    labels: Path,
    feature: str,
    threshold: float,
    normal_z: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Compare a PROBABILITY map (MRC; int8 0..127, or 0..1) with LABELS on the same grid.

    With --normal-z, "dice seen" leaves out what is within 60 Å of membrane with |n_z| of 0.6 and more, which the
    missing wedge hides, and the recall is printed for each range of |n_z|.
    """
    import numpy as np

    from livetomo.evaluate.plot import plot_precision_recall
    from livetomo.evaluate.segmentation import curve, recall_by_orientation, where_seen
    from livetomo.formats.mrc import PROBABILITY_SCALE, read_volume
    from livetomo.simulate.truth import FEATURES, label_of

    if not feature.isdigit() and feature not in FEATURES:
        raise ConfigurationError(f"--feature {feature}: give one of {', '.join(FEATURES)}, or a label's value")
    volume = read_volume(probability)
    stored = volume.voxels
    scale = PROBABILITY_SCALE if stored.dtype == np.int8 else 1
    claimed = stored.astype(np.float32) / np.float32(scale)
    truth = read_volume(labels).voxels == (int(feature) if feature.isdigit() else label_of(feature))
    if claimed.shape != truth.shape:
        raise ConfigurationError(f"{labels}: has the shape {truth.shape} (z, y, x), {probability.name} {claimed.shape}")
    total = curve(claimed.clip(0, 1), truth)
    figures: dict[str, Any] = {
        "voxels": int(truth.sum()),
        "dice": total.dice(threshold),
        "recall": total.recall(threshold),
        "average_precision": total.average_precision(),
    }
    if normal_z is not None:
        normals = read_volume(normal_z).voxels.astype(np.float32) / 100
        reach = volume.header.geometry().voxels(_HIDDEN_REACH_ANGSTROM)
        figures["dice_seen"] = curve(claimed.clip(0, 1), truth, where_seen(truth, normals, reach_voxels=reach)).dice(
            threshold
        )
        for name, (hits, here) in recall_by_orientation(claimed, truth, normals, threshold).items():
            figures[f"recall_normal_z_{name}"] = hits / here if here else None
    if plot is not None:
        plot_precision_recall(plot, {feature: total.points()})
    _print_figures(figures, as_json)


@command.command(
    "denoise", epilog="Example:  livetomo evaluate denoise TS_01_EVN_Vol.mrc TS_01_ODD_Vol.mrc --defocus 40000"
)
@click.argument("even", type=EXISTING)
@click.argument("odd", type=EXISTING)
@click.option("--truth", type=EXISTING, help="A noise-free volume of the same: the mean of the half-maps is denoised.")
@click.option("--defocus", type=click.FloatRange(1, 1e6), help="In Å, underfocus is positive; deconvolve needs it.")
@click.option("--phase-flipped", is_flag=True, help="The reconstruction has corrected the sign of the CTF.")
@number("--tilt", 60.0, 20, 85, help="Angle in degrees that was reached to both sides.")
@click.option("--voxel-size", type=VOXEL_SIZE, help="Voxel size in Å. Default: that of the header of EVEN.")
@density_option()
@device_option
@json_option()
def denoise(
    even: Path,
    odd: Path,
    truth: Path | None,
    defocus: float | None,
    phase_flipped: bool,
    tilt: float,
    voxel_size: float | None,
    density: Literal["dark", "bright"],
    device: str,
    as_json: bool,
) -> None:
    """Compare the methods of [denoise] on the half-maps EVEN and ODD of one tomogram, by bands of resolution.

    Each half-map is denoised and correlated with the other, which is not: more is better. With --truth the denoised
    mean of both is correlated with that volume. The methods have the recipe's default settings.
    """
    from livetomo.cli.table import print_table
    from livetomo.evaluate.denoising import BANDS_ANGSTROM, by_halves, by_truth, read_density

    (first, header), (second, _) = (read_density(path, density, device) for path in (even, odd))
    size = voxel_size or header.voxel_size(even)
    if truth is None:
        found = by_halves(
            first,
            second,
            voxel_size_angstrom=size,
            defocus_angstrom=defocus,
            phase_flipped=phase_flipped,
            most_tilt_degrees=tilt,
        )
    else:
        found = by_truth(
            first,
            second,
            read_density(truth, density, device)[0],
            voxel_size_angstrom=size,
            defocus_angstrom=defocus,
            phase_flipped=phase_flipped,
            most_tilt_degrees=tilt,
        )
    bands = [f"{coarse:g}-{fine:g} Å" for coarse, fine in BANDS_ANGSTROM]
    if as_json:
        click.echo(json.dumps({name: dict(zip(bands, by_band, strict=True)) for name, by_band in found.items()}))
        return
    shown = [["-" if value is None else f"{value:.3f}" for value in by_band] for by_band in found.values()]
    print_table(["method", *bands], [[name, *cells] for name, cells in zip(found, shown, strict=True)])


def _figures(claimed: "Positions", true: "Positions", radius: float, threshold: float | None) -> dict[str, Any]:
    """Of a list of candidates, and of those among them that are published: all, where no threshold says which."""
    from livetomo.evaluate.matching import count, recall_at

    # Scores are written to six digits: what was just above the threshold must not fall below it on its way back.
    least = -math.inf if threshold is None else threshold - 1e-6
    published = claimed.xyz_angstrom[claimed.score >= least]
    counts = count(published, true.xyz_angstrom, radius)
    n = len(true.score)
    at = recall_at(claimed.xyz_angstrom, true.xyz_angstrom, radius, tuple(k * n for k in MULTIPLES))
    return {
        "true": n,
        "candidates": len(claimed.score),
        "threshold": threshold,
        "published": len(published),
        "recall": counts.recall,
        "precision": counts.precision,
        "f1": counts.f(1),
        "f4": counts.f(4),
        **{f"recall_at_{k}n": value for k, value in zip(MULTIPLES, at, strict=True)},
    }


def _plot(path: Path, feature: str, claimed: "Positions", true: "Positions", radius: float) -> None:
    import numpy as np

    from livetomo.evaluate.matching import match
    from livetomo.evaluate.plot import plot_precision_recall

    hits = np.cumsum(match(claimed.xyz_angstrom, true.xyz_angstrom, radius) >= 0)
    plot_precision_recall(path, {feature: (hits / max(len(true.score), 1), hits / np.arange(1, len(hits) + 1))})


def _print_figures(figures: dict[str, Any], as_json: bool) -> None:
    rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()}
    if as_json:
        click.echo(json.dumps(rounded))
        return
    for name, value in rounded.items():
        shown = "-" if value is None else f"{value:.3f}" if isinstance(value, float) else value
        click.echo(f"{name.replace('_', ' '):<28} {shown:>8}")
