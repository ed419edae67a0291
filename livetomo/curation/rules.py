"""The rules that a person's options ask for."""

from collections.abc import Iterator
from pathlib import Path

from livetomo.config.curation import RECIPE_HASH, Curation
from livetomo.core.errors import ConfigurationError
from livetomo.curation.consensus import KeepAgreedWithRecipe, agreed_with_star
from livetomo.curation.neighbours import KeepBeside, KeepDistinct
from livetomo.curation.place import KeepInBox, KeepInRegions, KeepOffEdges, KeepStrongest
from livetomo.curation.region_file import read_boxes
from livetomo.curation.rule import Rule


def rules_of(curation: Curation) -> list[Rule]:
    """In the order in which they act; files are read now.

    Raises:
        ConfigurationError: a file is not what it should be.
    """
    return list(_rules_of(curation))


def _rules_of(curation: Curation) -> Iterator[Rule]:
    if curation.region is not None:
        yield KeepInRegions(curation.region.name, read_boxes(curation.region))
    if curation.z is not None:
        yield KeepInBox({"z": curation.z})
    if curation.edge_angstrom is not None:
        yield KeepOffEdges(curation.edge_angstrom)
    yield from (KeepBeside(feature, distance, True) for feature, distance in curation.near)
    yield from (KeepBeside(feature, distance, False) for feature, distance in curation.away)
    yield from (KeepDistinct(feature, distance) for feature, distance in curation.distinct)
    yield from (_consensus(source, distance) for source, distance in curation.consensus)
    if curation.top is not None:
        yield KeepStrongest(curation.top)


def _consensus(source: str, distance_angstrom: float) -> Rule:
    if Path(source).is_file():
        return agreed_with_star(Path(source), distance_angstrom)
    if not RECIPE_HASH.fullmatch(source):
        raise ConfigurationError(
            f"--consensus {source}: is neither a file nor the hash of a recipe, of which at least 8 digits are needed "
            "(they end the names of its result folders)"
        )
    return KeepAgreedWithRecipe(source, distance_angstrom)
