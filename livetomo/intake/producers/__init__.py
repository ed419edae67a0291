"""The software that writes tomograms: one file each, with its names, its completion signal and its sidecars."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import cast

from livetomo.formats.endings import packed, plain_path
from livetomo.intake.producers.foreign import Foreign
from livetomo.intake.producers.generic import Generic
from livetomo.intake.producers.producer import Half, Producer, Recognised, Role, Signal
from livetomo.intake.producers.relion5 import Relion5, is_relions
from livetomo.intake.producers.structure import other_by_structure
from livetomo.system import registries
from livetomo.system.plugins import Guarded, Registry

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
    "entitled",
    "recognise",
]

PRODUCERS: Registry[Producer] = registries.PRODUCERS


def choose(names: Sequence[str], pattern: str = "") -> tuple[Producer, ...]:
    """The producers of a watch, in the user's order; `pattern` is what the generic one takes instead of all volumes."""
    return tuple(Generic(pattern) if name == "generic" else _made(name) for name in names)


def _made(name: str) -> Producer:
    made = PRODUCERS[name]
    return cast(Producer, Foreign.of(made)) if isinstance(made, Guarded) else made


def recognise(producers: Sequence[Producer], path: str, session: str = "") -> tuple[Producer, Recognised] | None:
    """The first producer that knows the file at `path` by its name, and what it is to it; None where none does.

    session: the beginning of the path that names the session, with a trailing "/": words in it are no hint.
    """
    for producer in entitled(producers, path):
        if found := producer.recognise(path, session):
            if found.role != "other" and not producer.is_users_word and (why := other_by_structure(path, session)):
                found = replace(found, role="other", reason=why)
            return producer, found
    return None


def entitled(producers: Sequence[Producer], path: str) -> Sequence[Producer]:
    """Those whose file it may be: what a job of RELION calls rec_TS.mrc is RELION's, whatever a series' name ends with.

    `rec_Position_1_Vol.mrc` is of the series Position_1_Vol there, and not AreTomo's of rec_Position_1.
    """
    if not (is_relions(path) and any(producer.name == Relion5.name for producer in producers)):
        return producers
    return [producer for producer in producers if producer.name == Relion5.name or producer.is_users_word]


def contradiction(producer: Producer, file: Recognised, path: str, exists: Callable[[str], bool]) -> str | None:
    """A file that exists and shows that the file at `path` is a tilt stack."""
    return next((other for other in producer.contradictions(file, path) if exists(other)), None)


def better_rival(producer: Producer, file: Recognised, path: str, exists: Callable[[str], bool]) -> str | None:
    """A file that exists and holds the tomogram at `path` in a better form."""
    plain = plain_path(path)
    rivals = takewhile(lambda rival: rival != plain, producer.rivals(file, plain))
    better = [one for rival in rivals for one in (rival, *packed(rival))]
    if plain != path:
        better.append(plain)
    return next((other for other in better if exists(other)), None)
