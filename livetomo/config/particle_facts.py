"""What a person writes about density maps: `NAME.toml` or `NAME.json` beside a map, or one table a map in a file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, RootModel

from livetomo.config.user_file import UserModel, read_toml, validate
from livetomo.core.errors import ConfigurationError
from livetomo.core.particle_facts import ParticleFacts
from livetomo.core.symmetry import point_group
from livetomo.core.units import Number, VoxelSize


class MapTable(UserModel):
    """What is said of one map; every key may be missing."""

    contour: (
        Annotated[Number, Field(description="Level that shows the particle and nothing else, in the map's units.")]
        | None
    ) = None
    mass_kda: Annotated[Number, Field(gt=0, le=1e6, description="Mass of the whole particle.")] | None = None
    symmetry: Annotated[str, AfterValidator(point_group)] | None = None
    voxel_size_angstrom: VoxelSize | None = None

    def facts(self) -> ParticleFacts:
        """In the units that livetomo counts in."""
        mass = None if self.mass_kda is None else 1e3 * self.mass_kda
        return ParticleFacts(self.contour, mass, self.symmetry, self.voxel_size_angstrom)


class _MapTables(RootModel[dict[str, MapTable]]):
    """By the maps' names."""


def read_map_table(path: Path) -> ParticleFacts:
    """The facts of the one map that `path` (TOML, or JSON by its ending) is beside.

    Raises:
        ConfigurationError: one line for each key that is wrong.
    """
    return validate(MapTable, _content(path), str(path)).facts()


def read_map_tables(path: Path) -> Mapping[str, ParticleFacts]:
    """The facts of several maps, by name: a table `[NAME]` for each.

    Raises:
        ConfigurationError: one line for each key that is wrong.
    """
    tables = validate(_MapTables, _content(path), str(path)).root
    return {name: table.facts() for name, table in tables.items()}


def _content(path: Path) -> Mapping[str, Any]:
    if path.suffix.lower() != ".json":
        return read_toml(path)
    try:
        content = json.loads(path.read_text("utf-8-sig"))
    except OSError as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault.strerror})") from None
    except ValueError as fault:
        raise ConfigurationError(f"{path}: is not valid JSON: {fault}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}: holds no table of keys")
    return content
