"""Epochs: when the numbers of events may begin again, as after a restored backup, consumers see that by the epoch.

A catalog has one epoch from its beginning. A new one begins with each rebuild, with each backup that is put in force,
by command or by hand, and wherever the catalog is found to be older than what consumers have been sent already.
"""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Epoch:
    """The epoch in force.

    catalog: the same for every copy of a catalog, so that an output folder can say whose results it holds.
    last:    the newest event's number as the epoch began.
    first:   its own events are numbered from here on; the numbers in between are used by nobody.
    """

    id: str
    catalog: str
    last: int
    first: int


def current(db: Database) -> Epoch | None:
    """The epoch in force; None in a catalog that has none yet, its id empty in one that was just copied."""
    row = db.execute("SELECT epoch, catalog, last, first FROM epochs ORDER BY number DESC LIMIT 1").fetchone()
    return None if row is None else Epoch(*row)


def begin(db: Database, *, seen: int = 0, now: Callable[[], float] = time.time) -> Epoch:
    """Begin a new epoch. Its events are numbered above `seen`, which is the last that consumers may have had.

    They are numbered above the present second, too: whatever nobody remembers was numbered lower, so that even a
    consumer that knows nothing of epochs gets what comes now. Only the first epoch of an empty catalog begins at 1.
    """
    before = current(db)
    (last,) = db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
    first = max(last, seen, int(now())) + 1 if before or seen else last + 1
    epoch = Epoch(str(uuid.uuid4()), before.catalog if before else str(uuid.uuid4()), last, first)
    with db.atomic():
        db.execute("DELETE FROM epochs WHERE epoch = ''")
        db.execute(
            "INSERT INTO epochs (epoch, catalog, began_at, last, first) VALUES (?, ?, ?, ?, ?)",
            (epoch.id, epoch.catalog, datetime.fromtimestamp(now(), UTC).isoformat(timespec="seconds"), last, first),
        )
        if first > last + 1:
            db.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
            db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (first - 1,))
    return epoch


def mark_as_copy(db: Database) -> None:
    """Make this copy of a catalog begin an epoch of its own, however the copy is put in force."""
    db.execute(
        """INSERT INTO epochs (epoch, catalog, began_at, last, first)
           SELECT '', catalog, began_at, last, first FROM epochs ORDER BY number DESC LIMIT 1"""
    )


def knows(db: Database, epoch: str) -> bool:
    """Whether `epoch` is in force or was at some time."""
    return db.execute("SELECT 1 FROM epochs WHERE epoch = ?", (epoch,)).fetchone() is not None
