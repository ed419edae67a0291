"""The density map that picks are compared with, as a recipe names it: its place, its digest, what is known of it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from livetomo.config.model_card import package_digest
from livetomo.config.particle_facts import read_map_table, read_map_tables
from livetomo.core.errors import ConfigurationError
from livetomo.core.particle_facts import ParticleFacts

_TABLES = "maps.toml"
_ENDINGS = re.compile(r"\.(mrc|map|ccp4)(\.(gz|bz2))?$", re.IGNORECASE)
_FACTS = {
    "map_contour": "contour",
    "map_mass_kda": "mass_dalton",
    "map_symmetry": "symmetry",
    "map_voxel_size_angstrom": "voxel_size_angstrom",
}
"""The recipe's keys, and what they are called in what files beside maps say."""


def with_map_of(value: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """What a user wrote of picks that are compared with a map, with its path absolute, its digest, and what is known.

    The recipe counts before the file `NAME.toml` or `NAME.json` beside the map, and these before `maps.toml` there.

    Raises:
        ValueError: there is no such map, or it is not the one that the recipe says, or too little is known of it.
    """
    written = value["map"]
    path = (base / Path(written).expanduser()).absolute()
    if not _ENDINGS.search(path.name):
        raise ValueError(f'"map" is "{written}"; write the file of a density map, .mrc, .map or .ccp4')
    if path.exists() and not path.is_file():  # a FIFO would block
        raise ValueError(f'"map" is "{written}": {path} is not a regular file')
    try:
        digest = package_digest(path)
        known = _beside(path)
    except FileNotFoundError:
        raise ValueError(f'"map" is "{written}", but there is no file {path}') from None
    except OSError as fault:
        raise ValueError(f'"map" is "{written}": {path} cannot be read ({fault.strerror})') from None
    except ConfigurationError as fault:
        raise ValueError(f'"map" is "{written}": {fault}') from None
    if value.get("map_sha256") not in (None, "", digest):
        raise ValueError(f'"map" is another file than "map_sha256" says: its own begins {digest[:16]}')
    filled = {key: said for key, name in _FACTS.items() if (said := getattr(known, name)) is not None}
    if "map_mass_kda" in filled:
        filled["map_mass_kda"] /= 1e3
    completed = {**filled, **value, "map": str(path), "map_sha256": digest}
    if completed.get("map_contour") is None and completed.get("map_mass_kda") is None:
        raise ValueError(
            f'"map" is "{written}", of which neither mass nor contour is known; write "map_mass_kda", the mass of the '
            'particle, or "map_contour", the level at which the map shows the particle and nothing else'
        )
    return completed


def _beside(path: Path) -> ParticleFacts:
    """What files beside the map say of it, the nearest first."""
    stem, facts = _ENDINGS.sub("", path.name), ParticleFacts()
    for name in (f"{stem}.toml", f"{stem}.json"):
        if (path.parent / name).is_file():
            facts = facts.over(read_map_table(path.parent / name))
    if (path.parent / _TABLES).is_file():
        facts = facts.over(read_map_tables(path.parent / _TABLES).get(stem, ParticleFacts()))
    return facts
