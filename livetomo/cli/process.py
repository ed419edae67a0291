"""`livetomo process`: files through a recipe, without a daemon."""

import json
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetomo.cli.options import VOXEL_SIZE, json_option, output_option
from livetomo.cli.table import print_table
from livetomo.config import defaults
from livetomo.core.errors import ConfigurationError, ExitCode, LivetomoError
from livetomo.core.quality.metric import reasons

if TYPE_CHECKING:
    from livetomo.results.folder import Result

_STAGES = 7
_COLUMNS = ("tomogram", "picks", "candidates", "verdict", "seconds", "folder")


@click.command("process", short_help="Process tomograms with a recipe, without a daemon.")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--recipe", "recipe_name", default=defaults.RECIPE, show_default=True, help="A built-in recipe, or a file."
)
@output_option("Folder for results.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda:0, …; auto takes a GPU if there is one.")
@click.option("--voxel-size", type=VOXEL_SIZE, metavar="Å", help="Voxel size to use instead of the header's.")
@json_option("Print the report as JSON.")
def command(
    files: tuple[Path, ...], recipe_name: str, output: Path, device: str, voxel_size: float | None, as_json: bool
) -> None:
    """Process tomograms (MRC files) with a recipe. Each gets a folder with its picks, quality figures and pictures.

    A result that exists already is not made again; a file with new content becomes the next revision. If a file is bad,
    the others are processed all the same, and the exit code is 3.

    Example:  livetomo process TS_01.mrc TS_02.mrc --output results
    """
    from livetomo.config.recipe.recipe import load_recipe

    recipe = load_recipe(recipe_name)
    device = _device(device)

    from tqdm import tqdm

    from livetomo.cli.one_shot import make, names_of
    from livetomo.processing.networks.package import Models
    from livetomo.processing.pipeline import run as pipeline

    names, warnings = names_of(files)
    for warning in warnings:
        click.echo(warning, err=True)
    if voxel_size is not None:
        recipe = recipe.model_copy(update={"voxel_size_angstrom": voxel_size})
    rows = []
    models = Models(device)
    with tqdm(total=len(names) * _STAGES, disable=not sys.stderr.isatty(), unit="stage", leave=False) as bar:
        for number, (path, name) in enumerate(names.items(), start=1):

            def announce(stage: str, name: str = name) -> None:
                bar.set_description_str(f"{name}: {stage}")
                bar.update()

            run = partial(pipeline.run, device=device, models=models, announce=announce)
            try:
                row = _row(name, *make(path, name, recipe_name, recipe, output, run))
                sentences = [*row["warnings"], *row["reasons"]]
            except Exception as fault:  # the border of a job: whatever it was, it costs this file and is printed
                row, sentences = _failure(name, path, fault)
            bar.update(number * _STAGES - bar.n)
            for sentence in sentences:
                bar.write(f"{name}: {sentence}" if row["status"] != "failed" else sentence, file=sys.stderr)
            rows.append(row)
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _print_table(rows)
    if any(row["status"] == "failed" for row in rows):
        sys.exit(ExitCode.INPUT)


def _device(wanted: str) -> str:
    """A device that is there."""
    import torch

    if wanted == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return wanted
    kind, _, number = wanted.partition(":")
    if kind != "cuda" or not (number or "0").isdigit():
        raise ConfigurationError(f'--device {wanted}: is not a device; write "cpu" or "cuda:0"')
    if int(number or 0) >= torch.cuda.device_count():
        there = torch.cuda.device_count()
        raise ConfigurationError(f"--device {wanted}: there is no such device; this machine has {there} usable GPUs")
    return f"cuda:{number or 0}"


def _row(name: str, result: "Result", was_there: bool) -> dict[str, Any]:
    manifest = result.manifest
    said = " ".join(manifest.warnings)
    called = manifest.tomogram.name
    other = [] if called == name else [f"{name} is the name of another file: this one is called {called}."]
    return {
        "tomogram": called,
        "status": "already there" if was_there else "done",
        "picks": manifest.counts(),
        "candidates": {feature: picks.candidates for feature, picks in manifest.picks.items()},
        "missing": {feature: picks.missing for feature, picks in manifest.picks.items() if picks.missing},
        "false_share": {
            feature: picks.false_share.to_json() for feature, picks in manifest.picks.items() if picks.false_share
        },
        "verdict": manifest.verdict,
        "seconds": round(sum(manifest.seconds.values()), 1),
        "folder": str(result.folder),
        "warnings": other + ([] if was_there else list(manifest.warnings)),
        "reasons": [] if was_there else [why for why in reasons(manifest.quality.values()) if why not in said],
    }


def _failure(name: str, path: Path, fault: Exception) -> tuple[dict[str, Any], list[str]]:
    """A failed file's row, and what is printed about it: one sentence, and the traceback of an unexpected error."""
    if isinstance(fault, LivetomoError):
        return {"tomogram": name, "status": "failed", "reason": fault.reason, "message": str(fault)}, [str(fault)]
    message = f"{path.name}: unexpected error, {type(fault).__name__}: {fault}"
    row = {"tomogram": name, "status": "failed", "reason": "unexpected error", "message": message}
    return row, ["".join(traceback.format_exception(fault)), message]


def _print_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """One line per tomogram that has a result; what failed has been printed already."""
    lines = []
    for row in rows:
        if row["status"] == "failed":
            continue
        counts = [" ".join(_counts(row, key)) for key in _COLUMNS[1:3]]
        took = "already there" if row["status"] == "already there" else row["seconds"]
        lines.append((row["tomogram"], *counts, row["verdict"], took, row["folder"]))
    if lines:
        print_table(_COLUMNS, lines)


def _counts(row: Mapping[str, Any], key: str) -> Iterator[str]:
    """So many of each feature; of one that could not be looked for no number, which would mean that there are none."""
    for feature, count in row[key].items():
        share = row["false_share"].get(feature) if key == "picks" else None
        false = f" (about {share['expected']:,.0f} false)" if share else ""
        yield f"{feature} missing" if feature in row["missing"] else f"{feature} {count:,}{false}"
