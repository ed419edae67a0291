"""The append-only event log: events in the order in which they happened, and how far each consumer has got."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlite_utils import Database

from livetomo.catalog.epoch import Epoch, current
from livetomo.core.events import Event, Recorded
from livetomo.core.tomogram import TomogramId


class EventLog:
    """Events and cursors. Appending joins the caller's transaction, so that what is in the log has happened."""

    def __init__(self, db: Database, *, site: str, instance: str, now: Callable[[], float]) -> None:
        self._db = db
        self._site = site
        self._instance = instance
        self._now = now

    def append(self, event: Event) -> None:
        """Record `event`, unless it is recorded already: it has the same `event_id` then."""
        who = event.tomogram
        time = datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._db.execute(
            # Not ON CONFLICT: that would use up a number, and consumers take a gap for a loss.
            """INSERT INTO events (event_id, time, kind, watch, session, tomogram, revision, recipe, version, body)
               SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10
               WHERE NOT EXISTS (SELECT 1 FROM events WHERE event_id = ?1)""",
            (
                event.id(self._site, self._instance),
                time,
                event.kind,
                *(who.watch, who.session, who.name),
                event.revision,
                event.recipe_hash,
                event.version,
                json.dumps(dict(event.body), separators=(",", ":")),
            ),
        )

    def body_of(self, event: Event) -> dict[str, Any] | None:
        """The body with which an event of the same identity was recorded; None where none was."""
        event_id = event.id(self._site, self._instance)
        row = self._db.execute("SELECT body FROM events WHERE event_id = ?", (event_id,)).fetchone()
        return None if row is None else json.loads(row[0])

    def after(self, seq: int, limit: int) -> list[Recorded]:
        """The next `limit` events whose number is higher than `seq`."""
        rows = self._db.query("SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))
        epoch = self.epoch().id
        return [recorded_event(row, epoch) for row in rows]

    def epoch(self) -> Epoch:
        """The epoch in force."""
        epoch = current(self._db)
        assert epoch is not None, "open_database begins one"
        return epoch

    def last(self) -> int:
        """The number of the newest event; 0 before the first."""
        (seq,) = self._db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        return int(seq)

    def cursor(self, consumer: str) -> int:
        """The number of the last event that `consumer` has acknowledged."""
        row = self._db.execute("SELECT seq FROM cursors WHERE consumer = ?", (consumer,)).fetchone()
        return int(row[0]) if row else 0

    def move_cursor(self, consumer: str, seq: int) -> None:
        """`consumer` has acknowledged every event up to `seq`; a cursor never moves back."""
        self._db.execute(
            """INSERT INTO cursors (consumer, seq) VALUES (?, ?)
               ON CONFLICT (consumer) DO UPDATE SET seq = max(seq, excluded.seq)""",
            (consumer, seq),
        )

    def backlog(self, consumer: str) -> tuple[int, str | None]:
        """How many events `consumer` has not acknowledged, and the time of the oldest of them."""
        cursor, last, oldest, epoch_last, epoch_first = self._db.execute(
            """WITH cursor AS (SELECT coalesce((SELECT seq FROM cursors WHERE consumer = ?), 0) AS seq)
               SELECT cursor.seq, coalesce((SELECT max(seq) FROM events), 0),
                      (SELECT time FROM events WHERE events.seq > cursor.seq ORDER BY seq LIMIT 1), epochs.last, first
               FROM cursor, epochs ORDER BY number DESC LIMIT 1""",
            (consumer,),
        ).fetchone()
        unused = epoch_first - 1 - epoch_last if cursor <= epoch_last and last >= epoch_first else 0
        return last - cursor - unused, oldest


def recorded_event(row: dict[str, Any], epoch: str) -> Recorded:
    """A row of the events' table."""
    event = Event(
        kind=row["kind"],
        tomogram=TomogramId(row["watch"], row["session"], row["tomogram"]),
        revision=row["revision"],
        recipe_hash=row["recipe"],
        version=row["version"],
        body=json.loads(row["body"]),
    )
    return Recorded(seq=row["seq"], event_id=row["event_id"], time=row["time"], event=event, epoch=epoch)
