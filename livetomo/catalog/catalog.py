"""The catalog as the rest of the house sees it: its parts, and the one thread in which they are called."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlite_utils import Database

from livetomo.catalog.database import open_database, refuse
from livetomo.catalog.event_log import EventLog
from livetomo.catalog.exclusions import Exclusions
from livetomo.catalog.faults import Meaning, meaning, sentence
from livetomo.catalog.health import Health
from livetomo.catalog.highwater import HighWater, settle_epoch
from livetomo.catalog.job_queue import Jobs
from livetomo.catalog.operator_requests import OperatorRequests
from livetomo.catalog.queries import Views
from livetomo.catalog.registration import Arrivals
from livetomo.catalog.reinstate import Reinstatements
from livetomo.catalog.session_judging import SessionJudging
from livetomo.catalog.sessions import Sessions
from livetomo.core.events import Recorded

P = ParamSpec("P")
R = TypeVar("R")

RETRY_SECONDS = 2.0
LOCK_SECONDS = 0.25  # in the one thread, in which others wait, too

log = logging.getLogger(__name__)


class Catalog:
    """What the parts share: one connection, one clock. To be used from the thread that made it."""

    def __init__(self, db: Database, *, site: str, instance: str, now: Callable[[], float] = time.time) -> None:
        self.db = db
        self.now = now
        self.event_log = EventLog(db, site=site, instance=instance, now=now)
        self.sessions = Sessions(db, now=now)
        self.arrivals = Arrivals(db, self.event_log, self.sessions, now=now)
        self.judging = SessionJudging(db, self.event_log)
        self.exclusions = Exclusions(db, self.event_log, now=now)
        self.jobs = Jobs(db, self.event_log, self.judging, self.exclusions, now=now)
        self.operator_requests = OperatorRequests(db, self.event_log, now=now)
        self.reinstatements = Reinstatements(db, self.event_log, self.exclusions, now=now)
        self.views = Views(db, self.judging, self.exclusions, now=now)
        self.health = Health(db, now=now)

    def redate(self, by: float, since: float, until: float) -> None:
        """Move the times that were recorded from `since` to `until` by so many seconds: the clock was wrong then.

        Recorded events keep their times: events never change.
        """
        with self.db.atomic():
            for table, columns in TIMES.items():
                for column in columns:
                    self.db.execute(
                        f"UPDATE {table} SET {column} = {column} + ?1 WHERE {column} BETWEEN ?2 AND ?3",
                        (by, since, until),
                    )
            self.jobs.no_longer_wait(since)


# What redating moves, in seconds since 1970. Waiting for another try is no time at which something happened.
TIMES = {
    "results": ("committed_at",),
    "revisions": ("settled_at",),
    "jobs": ("started_at", "finished_at"),
    "sessions": ("opened_at", "touched_at"),
    "watches": ("last_claim_at",),
}


class _Trouble(Exception):
    """Something that passes keeps the catalog from being used."""

    def __init__(self, fault: sqlite3.Error) -> None:
        super().__init__(str(fault))
        self.fault = fault


class CatalogThread:
    """Runs whatever concerns the catalog in the one thread that owns the connection, and rings when it has changed.

    `await thread(lambda catalog: catalog.jobs.claim("cpu", 60))`

    Trouble that passes (another program's lock, a full disk) is waited for, at the start too; what was asked was rolled
    back, and is done again. Meanwhile others may ask: readers are not locked out by a writer.
    """

    def __init__(self, path: Path, *, site: str, instance: str, seen: HighWater | None = None) -> None:
        self._path = path
        self._seen = seen  # what is known from elsewhere of how far the catalog had come
        self._site, self._instance = site, instance
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catalog")
        self._catalog: Catalog | None = None
        self._changed = asyncio.Event()
        self._retries = asyncio.Lock()
        self._waiting = 0
        self._last_seq = 0
        self.trouble = ""
        self.trouble_since: datetime | None = None

    async def open(self) -> None:
        """Open the file; where something that passes is in the way, the first question after it opens it.

        Raises:
            CatalogCorrupt: SQLite finds the file damaged.
            ConfigurationError: it was written by a newer livetomo, or this user cannot write it.
        """
        try:
            await self._run(lambda catalog: None)
        except _Trouble as trouble:
            self._note(trouble)

    async def close(self) -> None:
        """Close the file, after everything that was asked before."""
        if self._catalog is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._catalog.db.close)
        self._thread.shutdown()

    async def __call__(self, deed: Callable[[Catalog], R]) -> R:
        """`deed(catalog)`, in the catalog's thread."""
        try:
            result, changed = await self._run(deed)
        except _Trouble as trouble:
            self._note(trouble)
            result, changed = await self._when_trouble_is_over(deed)
        if self.trouble and not self._waiting:
            self._note(None)
        if changed:
            self._changed.set()
            self._changed = asyncio.Event()
        return result

    async def last_seq(self) -> int:
        """The number of the newest event; in trouble, the last that was seen. Waits for nobody but the thread itself.

        That makes it the question whether the catalog's thread is alive: a lock is no reason to restart the daemon.
        """
        try:
            self._last_seq, _ = await self._run(lambda catalog: catalog.event_log.last())
        except _Trouble as trouble:
            log.debug("the catalog is in trouble: %s", trouble.fault)  # those who have to wait for it say so
        return self._last_seq

    async def _when_trouble_is_over(self, deed: Callable[[Catalog], R]) -> tuple[R, bool]:
        """Try again and again; one at a time, so that many who wait do not hold up those who need not."""
        self._waiting += 1
        try:
            async with self._retries:
                while True:
                    await asyncio.sleep(RETRY_SECONDS)
                    try:
                        return await self._run(deed)
                    except _Trouble as trouble:
                        self._note(trouble)
        finally:
            self._waiting -= 1

    def _note(self, trouble: "_Trouble | None") -> None:
        """Say once what is waited for, and once that it is over."""
        said = "" if trouble is None else sentence(trouble.fault, self._path)
        if said and said != self.trouble:
            log.error(f"{said} livetomo tries again until it works")
        elif self.trouble and not said:
            log.info("the catalog can be used again")
        self.trouble_since = (self.trouble_since or datetime.now(UTC)) if said else None
        self.trouble = said

    async def _run(self, deed: Callable[[Catalog], R]) -> tuple[R, bool]:
        """Once, in the thread.

        Raises:
            _Trouble: what passes.
            CatalogCorrupt, ConfigurationError: what does not.
        """
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, deed)
        except sqlite3.Error as fault:
            refuse(fault, self._path)
            if meaning(fault) is Meaning.WAIT:
                raise _Trouble(fault) from fault
            raise

    def _do(self, deed: Callable[[Catalog], R]) -> tuple[R, bool]:
        if self._catalog is None:
            db = open_database(self._path, patience=LOCK_SECONDS)
            settle_epoch(db, self._seen)
            self._catalog = Catalog(db, site=self._site, instance=self._instance)
        before = self._catalog.db.conn.total_changes
        result = deed(self._catalog)
        return result, self._catalog.db.conn.total_changes != before

    @property
    def bell(self) -> asyncio.Event:
        """Rings at the next change. Take it before you look, so that no change falls between looking and waiting."""
        return self._changed

    # What a publisher asks of the event log (`livetomo.publish`).

    async def events_after(self, seq: int, limit: int) -> list[Recorded]:
        """The next `limit` events after `seq`."""
        return await self(lambda catalog: catalog.event_log.after(seq, limit))

    async def cursor(self, consumer: str) -> int:
        """The last event that `consumer` has acknowledged."""
        return await self(lambda catalog: catalog.event_log.cursor(consumer))

    async def move_cursor(self, consumer: str, seq: int) -> None:
        """`consumer` has acknowledged every event up to `seq`."""
        await self(lambda catalog: catalog.event_log.move_cursor(consumer, seq))

    async def wait_beyond(self, seq: int) -> None:
        """Return when there is an event with a higher number than `seq`."""
        while True:
            bell = self.bell
            if await self(lambda catalog: catalog.event_log.last()) > seq:
                return
            await bell.wait()
