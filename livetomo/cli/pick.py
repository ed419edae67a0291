"""`livetomo pick`: particles from segmentations that are there already."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from livetomo.cli.maps import for_each_tomogram
from livetomo.cli.options import VOXEL_SIZE, json_option, output_option


@click.command("pick", short_help="Pick particles from segmentations of any program.")
@click.argument("segmentations", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--feature", help="Feature of all files, if their names do not say it.")
@click.option("--recipe", "recipe_name", required=True, help="Recipe whose picking, curation and export are used.")
@output_option("Folder for picks.")
@click.option("--voxel-size", type=VOXEL_SIZE, metavar="Å", help="Voxel size to use instead of the one in the headers.")
@json_option("Print the report as JSON.")
def command(
    segmentations: tuple[Path, ...],
    feature: str | None,
    recipe_name: str,
    output: Path,
    voxel_size: float | None,
    as_json: bool,
) -> None:
    """Pick particles from SEGMENTATIONS as a recipe says, without any network.

    This takes seconds, so it is a way to tune a recipe.

    The feature of a file is the part of its name after `__`, as Ais writes it, or --feature. Other features of the
    recipe are ignored, and so are its interactions (see `livetomo interact`). The share of false picks needs the
    tomogram itself: `threshold` decides where the recipe says `false_share`. So does `refine`, which is passed over.
    Earlier results are replaced.

    Example:  livetomo pick TS_01__ribosome.mrc TS_02__ribosome.mrc --recipe mine.toml --output picked
    """
    for_each_tomogram(
        segmentations,
        partial(_pick, output=output, said_voxel_size=voxel_size),
        recipe_name=recipe_name,
        tables=("pick", "curate", "export"),
        feature=feature,
        as_json=as_json,
        columns=("tomogram", "feature", "picks", "candidates"),
        lines=lambda row: [
            (row["tomogram"], name, facts["count"], facts["candidates"]) for name, facts in row.get("picks", {}).items()
        ],
    )


def _pick(
    tomogram: str, paths: Mapping[str, Path], recipe: Any, *, output: Path, said_voxel_size: float | None
) -> dict[str, Any]:
    """Write the picks of one tomogram and `pick.json`, which says how they were made."""
    import torch

    from livetomo.formats.exporter import EXPORTERS, as_bytes
    from livetomo.formats.frame import Frame, Placed
    from livetomo.processing.pipeline.external_maps import geometry, read_maps
    from livetomo.processing.pipeline.find_particles import find
    from livetomo.system.atomic_write import replace_bytes, replace_text

    maps = read_maps(paths)
    grid = geometry(maps, said_voxel_size)
    size = grid.voxel_size_angstrom
    found = find({name: torch.from_numpy(map_.probability) for name, map_ in maps.items()}, recipe, grid)
    folder = output / tomogram
    report: dict[str, Any] = {
        "tomogram": tomogram,
        "status": "done",
        "voxel_size_angstrom": size,
        "maps": {name: str(path) for name, path in paths.items()},
        "recipe": recipe.model_dump(mode="json"),
        "picks": {},
    }
    for rule in recipe.pick:
        candidates = found.candidates[rule.feature]
        published = found.published(rule)
        frame = Frame(tomogram, maps[rule.feature].header.geometry(size))
        written = {("picks", name): published for name in recipe.export.formats} | {
            ("candidates", "relion5"): candidates
        }
        for (kind, name), picks in written.items():
            path = folder / kind / f"{rule.feature}.{name}.{EXPORTERS[name].ending}"
            placed = Placed(picks, frame, rule.diameter_angstrom)
            replace_bytes(path, as_bytes(EXPORTERS[name].content(placed, rule.feature)))
        report["picks"][rule.feature] = {
            "count": len(published),
            "candidates": len(candidates),
            "threshold": rule.threshold,
            "removed": [one.to_json() for one in found.removed(rule)],
        }
        if rule.refine:
            report["picks"][rule.feature]["match_missing"] = "density maps are compared with the tomogram, not its maps"
        if rule.wants_decoys:
            report["picks"][rule.feature]["false_share_missing"] = "decoys are made of the tomogram, not of its maps"
    replace_text(folder / "pick.json", json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    return report
