"""The options of commands that curate picks."""

import functools
import math
from collections.abc import Callable
from typing import Any

import click

from livetomo.cli.exclude import RANGE
from livetomo.cli.options import EXISTING_FILE, together
from livetomo.config.curation import MOST_ANGSTROM, Curation


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
        if not name.strip() or not 0 <= distance < MOST_ANGSTROM:
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
        "--edge",
        type=click.FloatRange(0, MOST_ANGSTROM),
        metavar="Å",
        help="Keep picks at least this far from the edges.",
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
    """The options, as one argument of the command: `curation`."""

    @functools.wraps(command)
    def with_curation(**given: Any) -> Any:
        edge_angstrom = given.pop("edge")
        names = ("region", "z", "near", "away", "distinct", "consensus", "top")
        curation = Curation(edge_angstrom=edge_angstrom, **{name: given.pop(name) for name in names})
        return command(curation=curation, **given)

    return _OPTIONS(with_curation)
