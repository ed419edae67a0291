"""Judge a file at rest: an arrival, a bad file, or not yet."""

from dataclasses import dataclass, field
from pathlib import Path

from livetomo.core.errors import EmptyFile, LivetomoError, NotATomogram, PermanentError, SourceChanged
from livetomo.core.sidecar_facts import SeriesFacts, SidecarFacts
from livetomo.core.tomogram import WITHOUT_HALVES, Arrival, Fault, TomogramId
from livetomo.formats.mrc_header import check_size
from livetomo.formats.stacks import refuse_box
from livetomo.intake.halves import HalfFinder, missing_halves
from livetomo.intake.producers import PRODUCERS, Producer, Recognised, Signal
from livetomo.intake.relations import refuse_stack
from livetomo.intake.settings import WatchSettings
from livetomo.intake.settle import Settler
from livetomo.intake.sidecars.reading import gather
from livetomo.intake.tree import Look, Neighbours, Tree

FAULTY_AFTER_SETTLES = 3.0
EMPTY_AFTER_SETTLES = 30.0


class NotYet(Exception):
    """The file may still become a tomogram; says what it waits for."""


class Dismissed(Exception):
    """The file is whole, or will not be, and no tomogram; says why. It is looked at again only when it changes."""


@dataclass(frozen=True, slots=True)
class Companions:
    """The half-maps and the facts of sidecars that belong to a volume."""

    halves: dict[str, str] = field(default_factory=dict)
    facts: SidecarFacts = field(default_factory=SidecarFacts)


class Judge:
    """Says what becomes of a file that has been at rest for the settle time. `halves` finds those of a full volume."""

    def __init__(self, settings: WatchSettings, tree: Tree, near: Neighbours, settler: Settler) -> None:
        self._settings = settings
        self._tree = tree
        self._near = near
        self.halves = HalfFinder(settings, tree, near, settler.observe)

    def arrival(
        self, tomogram: TomogramId, path: str, producer: Producer, file: Recognised, look: Look, rest: float
    ) -> Arrival:
        """The arrival of the file that was `look` for the last `rest` seconds.

        Raises:
            NotYet: it is to be looked at again.
            Dismissed: it is no tomogram.
            SourceChanged: it has changed since.
            OSError: as the file system says it.
        """
        signal = producer.signal(file, path, self._tree)
        fault: Fault | None = None
        companions = Companions()
        try:
            self.check_volume(producer, path, look, rest)
        except NotATomogram as error:
            raise Dismissed(str(error)) from None
        except PermanentError as error:
            if rest < self._patience_with_bad(look, signal):
                raise NotYet(str(error)) from None
            fault = as_fault(error)
        else:
            self._check_signal(producer, signal, rest)
            companions = self.companions(producer, file, path, signal=signal, rest=rest)
        content = self._tree.content(path)
        if (content.size, content.modified_ns) != (look.size, look.modified_ns) or self._tree.look(path) != look:
            raise SourceChanged(Path(path))
        return Arrival(tomogram, path, content, producer.name, companions.halves, companions.facts, fault)

    def companions(
        self, producer: Producer, file: Recognised, path: str, *, signal: Signal | None = None, rest: float
    ) -> Companions:
        """The halves and the facts of the complete volume at `path`, which has been at rest for `rest` seconds.

        Raises:
            NotYet: a half is worth waiting for.
            Dismissed: it is a half, and alone.
        """
        signal = signal or producer.signal(file, path, self._tree)
        halves = self.halves.find(producer, file, path, signal)
        if halves.waits and rest < self._settings.halves_patience:
            raise NotYet(halves.waits)
        if file.role != "full" and halves.missing:
            why = f"a half-map without its partner: {missing_halves(halves)}"
            raise Dismissed(why) if rest >= self._settings.halves_patience else NotYet(why)
        if file.role != "full" and not producer.alone_is_final and rest < self._settings.halves_patience:
            raise NotYet("there are only half-maps; their full volume may still come")
        facts = gather(self._tree, producer.sidecars(file, path), file.name, stored_axes=file.stored_axes)
        notes = []
        if file.role != "full":
            notes.append(f"{producer.name} wrote only half-maps: the even one stands for the full volume")
        if missing := missing_halves(halves):
            waited = f", after {self._settings.halves_patience:g} s" if halves.waits else ""
            notes.append(f"{WITHOUT_HALVES}{waited}: {missing}")
        if signal.state == "awaited":
            notes.append(f"taken without its producer's signal: {signal.reason}")
        if signal.failed:
            notes.append(f"it may be unfinished: {signal.failed}")
        acquired, plugin = facts.acquisition_digest, PRODUCERS.plugin(producer.name)
        facts = facts.without(SidecarFacts(acquisition_digest=acquired)) | SidecarFacts(
            notes=tuple(notes),
            series=_series(producer, file, path, signal, acquired),
            stored_axes=file.stored_axes,
            producer=plugin.to_json() if plugin else {},
        )
        return Companions(dict(halves.complete), facts)

    def check_volume(self, producer: Producer, path: str, look: Look, rest: float) -> None:
        """Refuse what is not a whole volume, by its header and its size.

        Raises:
            PermanentError: it is not; only if it stays so is that final.
            NotYet: it is, but more may come.
            OSError: as the file system says it.
        """
        if look.size == 0:
            raise EmptyFile(Path(path))
        declared = self._tree.header(path)
        header = check_size(declared, look.size, Path(path))
        if header.extended_bytes != declared.extended_bytes and rest < FAULTY_AFTER_SETTLES * self._settings.settle:
            missing = declared.declared_bytes - look.size
            raise NotYet(f"it has {missing:,} bytes less than its header declares; taken if that stays so")
        refuse_stack(header, path, self._tree, self._near, is_users_word=producer.is_users_word)
        if not producer.is_users_word:
            refuse_box(header, Path(path))
        surplus = 0 if header.compression else look.size - header.declared_bytes
        if surplus and rest < FAULTY_AFTER_SETTLES * self._settings.settle:
            raise NotYet(f"it has {surplus:,} bytes more than its header declares; taken if that stays so")

    def _check_signal(self, producer: Producer, signal: Signal, rest: float) -> None:
        """Wait for the producer's word, or where it never gives one for as long as it may come back to the file."""
        if signal.state == "awaited" and rest < self._settings.halves_patience:
            raise NotYet(signal.reason)
        needed = producer.settles * self._settings.settle
        if signal.state == "none" and rest < needed:
            raise NotYet(f"{producer.name} may write it again; taken after {needed:g} s at rest")

    def _patience_with_bad(self, look: Look, signal: Signal) -> float:
        settles = EMPTY_AFTER_SETTLES if look.size == 0 else FAULTY_AFTER_SETTLES
        patience = settles * self._settings.settle
        return max(patience, self._settings.halves_patience) if signal.state == "awaited" else patience


def _series(producer: Producer, file: Recognised, path: str, signal: Signal, acquisition: str) -> SeriesFacts | None:
    """Which tilt series it is of, None where nothing says so."""
    of = producer.series(file, path)
    if not of and not acquisition:
        return None
    return SeriesFacts(file.name, of, acquisition, producer.order(path), signal.failed)


def as_fault(error: LivetomoError) -> Fault:
    """`error` as it travels."""
    return Fault(error.kind, error.reason, str(error))
