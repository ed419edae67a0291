"""`livetomo interact`: competition and interactions on segmentations that are there already."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from livetomo.cli.maps import for_each_tomogram
from livetomo.cli.options import VOXEL_SIZE, json_option, output_option
from livetomo.core.errors import ConfigurationError


@click.command("interact", short_help="Apply interactions to segmentations from any program.")
@click.argument("segmentations", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--recipe", "recipe_name", required=True, help="Recipe whose competition and interactions are used.")
@output_option("Folder for changed maps.")
@click.option("--voxel-size", type=VOXEL_SIZE, metavar="Å", help="Voxel size to use instead of the one in the headers.")
@json_option("Print the report as JSON.")
def command(
    segmentations: tuple[Path, ...], recipe_name: str, output: Path, voxel_size: float | None, as_json: bool
) -> None:
    """Let the features of SEGMENTATIONS compete and interact as a recipe says, and write the maps that have changed.

    Files are named `<tomogram>__<feature>.mrc`, as Ais names them. The written maps (int8, 0 to 127) have such names
    too, and `livetomo pick` reads them. The command reads maps from 0 to 1, 0 to 127 (int8) and 0 to 255 (uint16), and
    masks.

    Example:  livetomo interact TS_01__ribosome.mrc TS_01__membrane.mrc --recipe mine.toml --output changed
    """
    if any(path.parent.resolve() == output.resolve() for path in segmentations):
        raise ConfigurationError(f"--output {output}: the segmentations lie there; name another folder")
    for_each_tomogram(
        segmentations,
        partial(_interact, output=output, said_voxel_size=voxel_size),
        recipe_name=recipe_name,
        tables=("competition", "interaction"),
        as_json=as_json,
        columns=("tomogram", "feature", "kept"),
        lines=lambda row: [(row["tomogram"], name, f"{kept:.1%}") for name, kept in row.get("kept", {}).items()],
    )


def _interact(
    tomogram: str, paths: Mapping[str, Path], recipe: Any, *, output: Path, said_voxel_size: float | None
) -> dict[str, Any]:
    """Write the changed maps of one tomogram; the share of each map's probability that is kept."""
    import torch

    from livetomo.formats.mrc import as_probability_bytes, write_map
    from livetomo.processing.pipeline.external_maps import SEPARATOR, geometry, read_maps
    from livetomo.processing.pipeline.find_particles import change_maps
    from livetomo.system.atomic_write import replacing

    maps = read_maps(paths)
    tensors = {name: torch.from_numpy(map_.probability) for name, map_ in maps.items()}
    changed = change_maps(tensors, recipe, geometry(maps, said_voxel_size))
    report: dict[str, Any] = {"tomogram": tomogram, "status": "done", "kept": {}, "files": []}
    for name in sorted({*recipe.competition.absorb, *(rule.feature for rule in recipe.interaction)}):
        path = output / f"{tomogram}{SEPARATOR}{name}.mrc"
        with replacing(path) as scratch:
            write_map(
                scratch, as_probability_bytes(changed[name].numpy()), maps[name].header.geometry(), "livetomo interact"
            )
        before = float(tensors[name].sum(dtype=torch.float64))
        report["kept"][name] = float(changed[name].sum(dtype=torch.float64)) / before if before else 1.0
        report["files"].append(str(path))
    return report
