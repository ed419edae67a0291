"""The options of commands that curate picks, and the rules that they ask for."""

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livetomo.cli.exclude import RANGE
from livetomo.cli.options import EXISTING_FILE, together
from livetomo.core.errors import ConfigurationError

if TYPE_CHECKING:
    from livetomo.results.curation.rule import Rule


class NameAndDistance(click.ParamType):  # type: ignore[type-arg]  # not generic in older click
    """`membrane:150`: a name, which may have colons of its own, and a distance in Å."""

    name = "name and distance"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, float]:
        if isinstance(value, tuple):  # click converts defaults twice
            return value
        name, _, number = str(value).rpartition(":")
        try:
            distance = float(number)
        except ValueError:
            distance = math.nan
        if not name.strip() or not 0 <= distance < 1e5:
            self.fail(f'"{value}": write a name and a distance in Å from 0 to 100,000, like membrane:150', param, ctx)
        return name, distance


_PAIR = NameAndDistance()
_OPTIONS = together(
    click.option(
        "--region",
        type=EXISTING_FILE,
        metavar="FILE",
        help="Keep picks in these boxes (JSON or CSV: docs/curation.md).",
    ),
    click.option("--z", type=RANGE, metavar="LOW:HIGH", help="Keep picks between these voxels along z, from 0."),
    click.option(
        "--edge", type=click.FloatRange(0, 1e5), metavar="Å", help="Keep picks at least this far from the edges."
    ),
    click.option(
        "--near", type=_PAIR, multiple=True, metavar="FEATURE:Å", help="Keep picks within a distance of a feature."
    ),
    click.option(
        "--away", type=_PAIR, multiple=True, metavar="FEATURE:Å", help="Keep picks farther than that from a feature."
    ),
    click.option(
        "--distinct",
        type=_PAIR,
        multiple=True,
        metavar="FEATURE:Å",
        help="Leave out picks where another feature has a stronger pick within a distance.",
    ),
    click.option(
        "--consensus",
        type=_PAIR,
        multiple=True,
        metavar="FILE:Å",
        help="Keep picks that a star file has within a distance, too; or another recipe, by its hash.",
    ),
    click.option("--top", type=click.IntRange(1), metavar="N", help="Keep the N strongest picks of each tomogram."),
)


def curation_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options, as one argument of the command: `rules`, in the order in which `--help` lists them."""

    @functools.wraps(command)
    def with_rules(**given: Any) -> Any:
        names = ("region", "z", "edge", "near", "away", "distinct", "consensus", "top")
        return command(rules=list(_rules({name: given.pop(name) for name in names})), **given)

    return _OPTIONS(with_rules)


def _rules(given: Mapping[str, Any]) -> Iterator["Rule"]:
    if not any(value not in (None, ()) for value in given.values()):
        return
    from livetomo.results.curation import neighbours, place
    from livetomo.results.curation.region_file import read_boxes

    if given["region"] is not None:
        yield place.KeepInRegions(given["region"].name, read_boxes(given["region"]))
    if given["z"] is not None:
        yield place.KeepInBox({"z": given["z"]})
    if given["edge"] is not None:
        yield place.KeepOffEdges(given["edge"])
    yield from (neighbours.KeepBeside(name, far, True) for name, far in given["near"])
    yield from (neighbours.KeepBeside(name, far, False) for name, far in given["away"])
    yield from (neighbours.KeepDistinct(*pair) for pair in given["distinct"])
    yield from (_consensus(*pair) for pair in given["consensus"])
    if given["top"] is not None:
        yield place.KeepStrongest(given["top"])


def _consensus(source: str, distance_angstrom: float) -> "Rule":
    from livetomo.results.curation.consensus import RECIPE_HASH, KeepAgreedWithRecipe, agreed_with_star

    if Path(source).is_file():
        return agreed_with_star(Path(source), distance_angstrom)
    if not RECIPE_HASH.fullmatch(source):
        raise ConfigurationError(
            f"--consensus {source}: is neither a file nor the hash of a recipe, of which at least 8 digits are needed "
            "(they end the names of its result folders)"
        )
    return KeepAgreedWithRecipe(source, distance_angstrom)
