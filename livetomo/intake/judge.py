"""Judge a file at rest: an arrival, a bad file, or not yet."""

from pathlib import Path
from typing import Any

from livetomo.errors import EmptyFile, LivetomoError, PermanentError, SourceChanged
from livetomo.formats.mrc_header import check_size
from livetomo.intake.producers import Producer, Recognised
from livetomo.intake.settings import WatchSettings
from livetomo.intake.settle import Settler
from livetomo.intake.tree import Look, Tree
from livetomo.tomogram import Arrival, Fault, TomogramId

FAULTY_AFTER_SETTLES = 3.0
EMPTY_AFTER_SETTLES = 30.0


class NotYet(Exception):
    """The file may still become a tomogram; says what it waits for."""


class Judge:
    """Says what becomes of a file that has been at rest for the settle time."""

    def __init__(self, settings: WatchSettings, tree: Tree, settler: Settler) -> None:
        self._settings = settings
        self._tree = tree
        self._settler = settler

    def arrival(
        self, tomogram: TomogramId, path: str, producer: Producer, recognised: Recognised, look: Look, rest: float
    ) -> Arrival:
        """The arrival of the file that was `look` for the last `rest` seconds.

        Raises:
            NotYet: it is to be looked at again.
            SourceChanged: it has changed since.
            OSError: as the file system says it.
        """
        fault: Fault | None = None
        metadata: dict[str, Any] = {}
        try:
            self._check_volume(path, look, rest)
        except PermanentError as error:
            patience = EMPTY_AFTER_SETTLES if look.size == 0 else FAULTY_AFTER_SETTLES
            if rest < patience * self._settings.settle:
                raise NotYet(str(error)) from None
            fault = as_fault(error)
        content = self._tree.content(path)
        if (content.size, content.modified_ns) != (look.size, look.modified_ns) or self._tree.look(path) != look:
            raise SourceChanged(Path(path))
        return Arrival(tomogram, path, content, producer.name, metadata=metadata, fault=fault)

    def forget(self, path: str) -> None:
        """It is gone, or has been taken."""

    def _check_volume(self, path: str, look: Look, rest: float) -> None:
        """Refuse what is not a whole volume, by its header and its size."""
        if look.size == 0:
            raise EmptyFile(Path(path))
        header = self._tree.header(path)
        check_size(header, look.size, Path(path))
        surplus = look.size - header.declared_bytes
        if surplus and rest < FAULTY_AFTER_SETTLES * self._settings.settle:
            raise NotYet(f"has {surplus:,} bytes more than its header declares; taken if that stays so")


def as_fault(error: LivetomoError) -> Fault:
    """`error` as it travels."""
    return Fault(error.kind, error.reason, str(error))
