"""What `livetomo interact` and `livetomo pick` share: maps in, tomogram by tomogram, a bad one costing only itself."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from livetomo.cli.table import print_table
from livetomo.core.errors import ExitCode, LivetomoError

Row = dict[str, Any]
Act = Callable[[str, Mapping[str, Path], Any], Row]


def for_each_tomogram(
    segmentations: Sequence[Path],
    act: Act,
    *,
    recipe_name: str,
    tables: tuple[str, ...],
    feature: str | None = None,
    as_json: bool,
    columns: Sequence[str],
    lines: Callable[[Row], Sequence[Sequence[object]]],
) -> NoReturn:
    """Print what `act` reports of each tomogram with these `tables` of its recipe, and end; a bad one costs itself.

    lines: what a person is shown of a report, under `columns`.
    """
    from tqdm import tqdm

    from livetomo.config.recipe.recipe import load_map_recipe
    from livetomo.processing.pipeline.external_maps import sort_maps

    tomograms = sort_maps(segmentations, feature)
    recipes = {tomogram: load_map_recipe(recipe_name, tuple(paths), tables) for tomogram, paths in tomograms.items()}
    rows, code = [], ExitCode.OK
    bar = tqdm(tomograms.items(), disable=not sys.stderr.isatty(), unit="tomogram", leave=False)
    for tomogram, paths in bar:
        bar.set_description_str(tomogram)
        try:
            rows.append(act(tomogram, paths, recipes[tomogram]))
        except LivetomoError as fault:
            bar.write(f"{tomogram}: {fault}", file=sys.stderr)
            rows.append({"tomogram": tomogram, "status": "failed", "reason": fault.reason, "message": str(fault)})
            code = ExitCode.INPUT
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        print_table(columns, [line for row in rows for line in lines(row)])
    sys.exit(code)
