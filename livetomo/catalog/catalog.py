"""The catalog as the rest of the house sees it: its parts, and the one thread in which they are called."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from sqlite_utils import Database

from livetomo.catalog.arrivals import Arrivals
from livetomo.catalog.course import Course
from livetomo.catalog.database import open_database
from livetomo.catalog.jobs import Jobs
from livetomo.catalog.sessions import Sessions
from livetomo.catalog.story import Story
from livetomo.catalog.views import Views
from livetomo.catalog.wishes import Wishes
from livetomo.events import Recorded

P = ParamSpec("P")
R = TypeVar("R")

RETRY_SECONDS = 2.0

log = logging.getLogger(__name__)


class Catalog:
    """What the parts share: one connection, one clock. To be used from the thread that made it."""

    def __init__(self, db: Database, *, site: str, instance: str, now: Callable[[], float] = time.time) -> None:
        self.db = db
        self.now = now
        self.story = Story(db, site=site, instance=instance, now=now)
        self.sessions = Sessions(db, now=now)
        self.arrivals = Arrivals(db, self.story, self.sessions, now=now)
        self.course = Course(db, self.story)
        self.jobs = Jobs(db, self.story, self.course, now=now)
        self.wishes = Wishes(db, self.story, now=now)
        self.views = Views(db, self.course, now=now)


class CatalogThread:
    """Runs whatever concerns the catalog in the one thread that owns the connection, and rings when it has changed.

    `await thread(lambda catalog: catalog.jobs.claim("cpu", 60))`
    """

    def __init__(self, path: Path, *, site: str, instance: str) -> None:
        self._open = lambda: Catalog(open_database(path), site=site, instance=instance)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="catalog")
        self._catalog: Catalog | None = None
        self._changed = asyncio.Event()

    async def open(self) -> None:
        """Open the file; raises what `open_database` raises."""
        self._catalog = await asyncio.get_running_loop().run_in_executor(self._thread, self._open)

    async def close(self) -> None:
        """Close the file, after everything that was asked before."""
        if self._catalog is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._catalog.db.close)
        self._thread.shutdown()

    async def __call__(self, deed: Callable[[Catalog], R]) -> R:
        """`deed(catalog)`, in the catalog's thread."""
        result, changed = await self._when_there_is_room(deed)
        if changed:
            self._changed.set()
            self._changed = asyncio.Event()
        return result

    async def _when_there_is_room(self, deed: Callable[[Catalog], R]) -> tuple[R, bool]:
        """A disk that is full, or does not answer, is waited for: what failed was rolled back, and is done again."""
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, deed)
            except sqlite3.OperationalError as fault:
                if fault.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
                    raise
                log.error(f"the catalog cannot be written ({fault}). Is its disk full? It is tried again")
                await asyncio.sleep(RETRY_SECONDS)

    def _do(self, deed: Callable[[Catalog], R]) -> tuple[R, bool]:
        assert self._catalog is not None, "open the catalog first"
        before = self._catalog.db.conn.total_changes
        result = deed(self._catalog)
        return result, self._catalog.db.conn.total_changes != before

    @property
    def bell(self) -> asyncio.Event:
        """Rings at the next change. Take it before you look, so that no change falls between looking and waiting."""
        return self._changed

    # What a publisher asks of the story (`livetomo.publish`).

    async def events_after(self, seq: int, limit: int) -> list[Recorded]:
        """The next `limit` events after `seq`."""
        return await self(lambda catalog: catalog.story.after(seq, limit))

    async def cursor(self, consumer: str) -> int:
        """The last event that `consumer` has acknowledged."""
        return await self(lambda catalog: catalog.story.cursor(consumer))

    async def move_cursor(self, consumer: str, seq: int) -> None:
        """`consumer` has acknowledged every event up to `seq`."""
        await self(lambda catalog: catalog.story.move_cursor(consumer, seq))

    async def wait_beyond(self, seq: int) -> None:
        """Return when there is an event with a higher number than `seq`."""
        while True:
            bell = self.bell
            if await self(lambda catalog: catalog.story.last()) > seq:
                return
            await bell.wait()
