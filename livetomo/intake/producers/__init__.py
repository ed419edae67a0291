"""The software that writes tomograms: one file each, with its names, its completion signal and its sidecars."""

from collections.abc import Mapping, Sequence

from livetomo.intake.producers.aretomo3 import AreTomo3
from livetomo.intake.producers.cryoem_services import CryoemServices
from livetomo.intake.producers.generic import Generic
from livetomo.intake.producers.imod import Imod
from livetomo.intake.producers.producer import Half, Producer, Recognised, Role, Signal
from livetomo.intake.producers.relion5 import Relion5
from livetomo.intake.producers.warp import Warp
from livetomo.intake.tree import Tree

__all__ = [
    "PRODUCERS",
    "Half",
    "Producer",
    "Recognised",
    "Role",
    "Signal",
    "better_rival",
    "choose",
    "contradiction",
    "recognise",
]

PRODUCERS: Mapping[str, type[Producer]] = {
    producer.name: producer for producer in (AreTomo3, Imod, Warp, Relion5, CryoemServices, Generic)
}


def choose(names: Sequence[str], pattern: str = "") -> tuple[Producer, ...]:
    """The producers of a watch, in the user's order; `pattern` is what the generic one takes instead of all volumes."""
    return tuple(Generic(pattern) if name == "generic" else PRODUCERS[name]() for name in names)


def recognise(producers: Sequence[Producer], path: str) -> tuple[Producer, Recognised] | None:
    """The first producer that knows the file at `path` by its name, and what it is to it; None where none does."""
    for producer in producers:
        if found := producer.recognise(path):
            return producer, found
    return None


def contradiction(producer: Producer, file: Recognised, path: str, tree: Tree) -> str | None:
    """A file that exists and shows that the file at `path` is a tilt stack."""
    return next((other for other in producer.contradictions(file, path) if tree.exists(other)), None)


def better_rival(producer: Producer, file: Recognised, path: str, tree: Tree) -> str | None:
    """A file that exists and holds the tomogram at `path` in a better form."""
    files = producer.rivals(file, path)
    return next((other for other in files[: list(files).index(path)] if tree.exists(other)), None)
