"""How picks of results that exist are to be chosen by where they lie: the options of commands and of the client."""

import hashlib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from livetomo.core.errors import ConfigurationError

MOST_ANGSTROM = 1e5
RECIPE_HASH = re.compile("[0-9a-f]{8,64}")
_DIGITS = 12

NameAndAngstrom = tuple[str, float]
"""A feature or a file, and a distance in Å."""


@dataclass(frozen=True, slots=True)
class Curation:
    """Which picks are kept; each rule that is given must hold, and they act in this order.

    region:    file of the boxes in which picks are kept, JSON or CSV.
    z:         lowest and highest voxel index along z, from 0, both inside.
    edge_angstrom: least distance from the centres of the outermost voxels.
    near:      features, and how far from each picks lie at most.
    away:      features, and how far from each picks lie at least.
    distinct:  features that have no stronger pick within a distance.
    consensus: star files that have a particle within a distance, too; or hashes of recipes.
    top:       how many of the strongest of each tomogram.

    Raises:
        ConfigurationError: a distance, a range or a number is none.
    """

    region: Path | None = None
    z: tuple[float, float] | None = None
    edge_angstrom: float | None = None
    near: tuple[NameAndAngstrom, ...] = ()
    away: tuple[NameAndAngstrom, ...] = ()
    distinct: tuple[NameAndAngstrom, ...] = ()
    consensus: tuple[NameAndAngstrom, ...] = ()
    top: int | None = None

    def __post_init__(self) -> None:
        named = (*self.near, *self.away, *self.distinct, *self.consensus)
        for angstrom in (self.edge_angstrom or 0.0, *(distance for _, distance in named)):
            if not 0 <= angstrom <= MOST_ANGSTROM:  # which is true of NaN, too
                raise ConfigurationError(f"a distance of {angstrom} Å: write a number from 0 to {MOST_ANGSTROM:,.0f}")
        if any(not name.strip() for name, _ in named):
            raise ConfigurationError("a distance from nothing: name a feature, or a file")
        if self.z is not None and not self.z[0] <= self.z[1]:
            raise ConfigurationError(f"z {self.z[0]:g} to {self.z[1]:g}: write the lower voxel index first")
        if self.top is not None and self.top < 1:
            raise ConfigurationError(f"the {self.top} strongest picks: write a number from 1")

    def __bool__(self) -> bool:
        """Whether any rule is given."""
        return self != ALL

    @property
    def picked_beside(self) -> tuple[str, ...]:
        """The features whose picks are asked for, whatever labels there are."""
        return tuple(dict.fromkeys(name for name, _ in self.distinct))

    @property
    def beside(self) -> tuple[str, ...]:
        """The features whose labels or picks are asked for."""
        return tuple(dict.fromkeys(name for name, _ in (*self.near, *self.away, *self.distinct)))

    @property
    def recipes(self) -> tuple[str, ...]:
        """The hashes of recipes whose picks are asked for."""
        return tuple(name for name, _ in self.consensus if not Path(name).is_file() and RECIPE_HASH.fullmatch(name))

    def options(self) -> tuple[str, ...]:
        """As the command line has them, to be kept and compared: a file by its name and what is in it by now.

        Raises:
            ConfigurationError: a file cannot be read.
        """
        return tuple(self._options())

    def _options(self) -> Iterator[str]:
        if self.region is not None:
            yield f"--region {_content(self.region)}"
        if self.z is not None:
            yield f"--z {_number(self.z[0])}:{_number(self.z[1])}"
        if self.edge_angstrom is not None:
            yield f"--edge {_number(self.edge_angstrom)}"
        for option, pairs in (("near", self.near), ("away", self.away), ("distinct", self.distinct)):
            yield from (f"--{option} {name}:{_number(distance)}" for name, distance in pairs)
        for name, distance in self.consensus:
            source = _content(Path(name)) if Path(name).is_file() else name
            yield f"--consensus {source}:{_number(distance)}"
        if self.top is not None:
            yield f"--top {self.top}"


ALL = Curation()
"""All picks are kept."""


def _number(value: float) -> str:
    """Without an end that is open: `0:` is from 0 on."""
    return "" if math.isinf(value) else f"{value:.{_DIGITS}g}"


def _content(path: Path) -> str:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as fault:
        raise ConfigurationError(f"{path}: cannot be read ({fault.strerror})") from None
    return f"{path.name} (SHA-256 {digest[:_DIGITS]}…)"
