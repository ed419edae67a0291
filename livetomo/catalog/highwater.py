"""How far the event log has come, noted outside the catalog: one that was replaced by an older one is found out.

The note lies beside the catalog: {"epoch": uuid, "seq": number, "event_id": the id of the event of that number}.
"""

import asyncio
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlite_utils import Database

from livetomo.catalog import epoch as epochs
from livetomo.catalog.aside import NOTE
from livetomo.system.atomic_write import replace_text

if TYPE_CHECKING:
    from livetomo.catalog.catalog import CatalogThread

NOTE_SECONDS = 1.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HighWater:
    """The newest event that consumers may have been sent."""

    epoch: str
    seq: int
    event_id: str


def note_of(catalog: Path) -> Path:
    """Where the note of the catalog at this path lies."""
    return catalog.with_name(catalog.name + NOTE)


def read_note(catalog: Path) -> HighWater | None:
    """The note; None where there is none, or none that can be read."""
    try:
        body = json.loads(note_of(catalog).read_text(encoding="utf-8"))
        return HighWater(str(body["epoch"]), int(body["seq"]), str(body["event_id"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        log.warning(f"{note_of(catalog)} cannot be read ({fault}); it is written anew")
        return None


def write_note(catalog: Path, note: HighWater) -> None:
    """Write it whole, so that it survives a power cut."""
    replace_text(note_of(catalog), json.dumps(asdict(note)))


def high_water(db: Database) -> HighWater:
    """How far the catalog's event log has come."""
    row = db.execute("SELECT seq, event_id FROM events ORDER BY seq DESC LIMIT 1").fetchone() or (0, "")
    epoch = epochs.current(db)
    return HighWater(epoch.id if epoch else "", *row)


def settle_epoch(db: Database, note: HighWater | None) -> bool:
    """Begin a new epoch where this catalog is new, is a copy, or is older than `note` says; whether one began."""
    epoch = epochs.current(db)
    seen = note.seq if note else 0
    if epoch is None or not epoch.id or (note is not None and _is_older(db, epoch, note)):
        if epoch is not None or seen:
            log.warning(
                "the catalog is older than the last one: consumers see this by a new epoch, and catch up by themselves"
            )
        epochs.begin(db, seen=seen)
        return True
    return False


def _is_older(db: Database, epoch: epochs.Epoch, note: HighWater) -> bool:
    if note.epoch != epoch.id:
        return not epochs.knows(db, note.epoch)
    if note.seq == 0:
        return False
    row = db.execute("SELECT event_id FROM events WHERE seq = ?", (note.seq,)).fetchone()
    return row is None or row[0] != note.event_id


class Keeper:
    """Keeps the note up to date while the daemon runs, a moment after each change."""

    def __init__(self, catalog: "CatalogThread", path: Path) -> None:
        self._catalog = catalog
        self._path = path
        self._noted: HighWater | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            bell = self._catalog.bell
            await self.note()
            await bell.wait()
            await asyncio.sleep(NOTE_SECONDS)

    async def note(self) -> None:
        """Write the note where it is not up to date."""
        reached = await self._catalog(lambda catalog: high_water(catalog.db))
        if reached == self._noted:
            return
        try:
            await asyncio.to_thread(write_note, self._path, reached)
        except OSError as fault:
            log.warning(f"{note_of(self._path)} cannot be written ({fault.strerror}); it is tried again")
        else:
            self._noted = reached
