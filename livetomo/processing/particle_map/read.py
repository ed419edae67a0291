"""Read a particle's map from its file, with what is known of it from the command line, from beside it and from EMDB."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from livetomo.config.particle_facts import read_map_table, read_map_tables
from livetomo.core.errors import UnusableMap
from livetomo.core.particle_facts import ParticleFacts
from livetomo.core.particle_map import ParticleMap
from livetomo.core.voxel_size import WANTED
from livetomo.formats.emdb_header import emdb_header_names, read_emdb_header
from livetomo.formats.mrc import read_volume
from livetomo.formats.mrc_header import MrcHeader
from livetomo.processing.particle_map.prepare import prepare_map

ENDINGS = (".mrc", ".map", ".ccp4")
COMPRESSED = ("", ".gz", ".bz2")
TABLES = "maps.toml"
"""A file that says what is known of all maps of its folder."""
_UNEVEN = 0.01


def map_paths(folder: Path) -> list[Path]:
    """The density maps in `folder`, by name."""
    endings = tuple(ending + packed for ending in ENDINGS for packed in COMPRESSED)
    return sorted(path for path in folder.iterdir() if path.name.lower().endswith(endings) and path.is_file())


def map_name(path: Path) -> str:
    """What the particle in the file is called, unless somebody names it: the file's name without its endings."""
    stem = path.name
    for endings in (COMPRESSED[1:], ENDINGS):
        for ending in endings:
            if stem.lower().endswith(ending):
                stem = stem[: -len(ending)]
                break
    return stem


def read_particle_map(
    path: Path, given: ParticleFacts | None = None, *, tables: Path | None = None, name: str | None = None
) -> ParticleMap:
    """The particle in the map at `path`.

    given: what a person says of it now; it counts before all else. Then come its table in the file `tables`, the file
    `NAME.toml` or `NAME.json` beside the map, its table in `maps.toml` beside it, and EMDB's header `emd-NNNN.xml`.

    Raises:
        UnusableMap: it cannot be read, nothing says its contour or mass, or it shows no particle (see `prepare_map`).
        ConfigurationError: a file beside it is wrong, or its header has no voxel size.
        PermanentError: what is wrong with the file itself.
    """
    facts = (given or ParticleFacts()).over(known_facts(path, tables))
    try:
        volume = read_volume(path)
    except OSError as fault:
        raise UnusableMap(str(path), f"cannot be read ({fault.strerror})") from None
    size = facts.voxel_size_angstrom or _voxel_size(volume.header, path)
    density = np.ascontiguousarray(volume.voxels, np.float32)
    prepared = prepare_map(str(path), density, size, facts)
    return replace(prepared, name=name or map_name(path))


def known_facts(path: Path, tables: Path | None = None) -> ParticleFacts:
    """What files say of the map at `path`, the nearest first.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    stem, folder = map_name(path), path.parent
    nothing = ParticleFacts()
    facts = nothing if tables is None else read_map_tables(tables).get(stem, nothing)
    for beside in (folder / f"{stem}.toml", folder / f"{stem}.json"):
        if beside.is_file():
            facts = facts.over(read_map_table(beside))
    if (folder / TABLES).is_file():
        facts = facts.over(read_map_tables(folder / TABLES).get(stem, nothing))
    for header in emdb_header_names(stem):
        for place in (folder, folder.parent / "header"):  # EMDB keeps them in folders side by side
            if (place / header).is_file():
                facts = facts.over(read_emdb_header(place / header))
    return facts


def _voxel_size(header: MrcHeader, path: Path) -> float:
    """Of the map's header, which must be that of a cube."""
    size = header.voxel_size(path)
    if max(abs(other / size - 1) for other in header.voxel_size_xyz) > _UNEVEN:
        sizes = " x ".join(f"{one:g}" for one in header.voxel_size_xyz)
        raise UnusableMap(str(path), f"its header says voxels of {sizes} Å, which are no cubes: give {WANTED}")
    return size
