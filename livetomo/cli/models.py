"""`livetomo models`: which networks there are, and what they say of themselves."""

import json
from pathlib import Path
from typing import Any

import click

from livetomo.cli.options import json_option
from livetomo.cli.species import print_species_metrics
from livetomo.cli.table import print_table
from livetomo.core.errors import ConfigurationError

_COLUMNS = ("name", "features", "voxel size", "steps", "MB", "sha256", "file")


@click.group("models", short_help="List networks, and show their cards.")
def command() -> None:
    """List networks, and show their cards."""


@command.command("list", epilog="Example:  livetomo models list my-models")
@click.argument("folders", nargs=-1, type=click.Path(exists=True, file_okay=False, path_type=Path))
@json_option()
def list_models(folders: tuple[Path, ...], as_json: bool) -> None:
    """List the packages that come with livetomo, which recipes name by name, and those in FOLDERS."""
    from livetomo.config.model_card import ENDING, shipped

    paths = [*shipped().values(), *(path for folder in folders for path in sorted(folder.glob(f"*{ENDING}")))]
    described = [_described(path) for path in paths]
    if as_json:
        click.echo(json.dumps(described, ensure_ascii=False, indent=1))
        return
    rows = [
        (
            one["name"],
            " ".join(one["features"]),
            f"{one['voxel_size_angstrom']:g} Å",
            one["steps"],
            round(one["bytes"] / 1e6, 1),
            one["sha256"][:12],
            one["file"],
        )
        for one in described
    ]
    print_table(_COLUMNS, rows)


@command.command("show", epilog="Example:  livetomo models show cellular")
@click.argument("model")
@json_option()
def show(model: str, as_json: bool) -> None:
    """Print the card of MODEL: a package that comes with livetomo, or a file."""
    from livetomo.config.model_card import package_path, shipped

    path = package_path(model, Path())
    if path is None:
        known = ", ".join(shipped()) or "none"
        raise ConfigurationError(
            f'model "{model}": does not come with livetomo (there is {known}); name a .safetensors file'
        )
    described = _described(path)
    if as_json:
        click.echo(json.dumps(described, ensure_ascii=False, indent=1))
        return
    metrics = described.pop("metrics")
    species = [name for name in described["features"] if "average precision" in metrics.get(name, {})]
    if species == described["features"]:
        _print_facts(described)
        print_species_metrics(metrics, species)
        return
    _print_facts(described)
    for data, figures in metrics.items():
        for figure, value in figures.items():
            click.echo(f"{data}: {figure.replace('_', ' '):<30} {value:.3f}")


def _print_facts(described: dict[str, Any]) -> None:
    for key, value in described.items():
        shown = ", ".join(map(str, value)) if isinstance(value, list) else value
        if shown not in ("", None):
            click.echo(f"{key.replace('_', ' '):<20} {shown}")


def _described(path: Path) -> dict[str, Any]:
    """A package's card, and what its file is."""
    from livetomo.config.model_card import package_digest, read_card

    card = read_card(path).model_dump(mode="json", exclude={"schema_version"})
    return card | {"bytes": path.stat().st_size, "sha256": package_digest(path), "file": str(path)}
