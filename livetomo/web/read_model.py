"""What the web shows: a narrow view of the daemon, so that the room needs to know nothing else of it."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from livetomo.catalog.catalog import CatalogThread
from livetomo.catalog.queries import ResultView, SessionTotals, SessionView, TomogramView
from livetomo.catalog.sessions import AHEAD_SECONDS
from livetomo.core.average_summary import AverageSummary
from livetomo.core.events import Recorded
from livetomo.core.status import Status

LIVE = timedelta(hours=6)
MOST_LIVE_SESSIONS = 50


class AverageSource(Protocol):
    """Whoever makes the averages of sessions. It answers from memory."""

    def of(self, watch: str, session: str) -> Mapping[str, AverageSummary]:
        """What those of a session say, by feature."""

    def folder(self, watch: str, session: str) -> Path:
        """Where their files are, if there are any."""


class View:
    """Everything that can be asked: of the catalog, of the source of the status, and of that of the averages."""

    def __init__(
        self, catalog: CatalogThread, status: Callable[[], Awaitable[Status]], averages: AverageSource | None = None
    ) -> None:
        self._catalog = catalog
        self._status = status
        self._averages = averages

    async def status(self) -> Status:
        """What the daemon is doing."""
        return await self._status()

    async def sessions(self, limit: int) -> list[SessionView]:
        """The newest sessions."""
        return await self._catalog(lambda catalog: catalog.views.sessions(limit))

    async def totals(self, watch: str, session: str) -> SessionTotals:
        """What a session adds up to."""
        totals = await self._catalog(lambda catalog: catalog.views.totals(watch, session))
        return totals if self._averages is None else replace(totals, averages=self._averages.of(watch, session))

    def average_folder(self, watch: str, session: str) -> Path | None:
        """Where the files of a session's averages are; None where nobody makes any."""
        return None if self._averages is None else self._averages.folder(watch, session)

    async def tomograms(self, watch: str, session: str, limit: int, offset: int) -> list[TomogramView]:
        """The tomograms of a session, newest first."""
        return await self._catalog(lambda catalog: catalog.views.tomograms(watch, session, limit, offset))

    async def tomogram(self, watch: str, session: str, name: str) -> TomogramView | None:
        """One tomogram."""
        return await self._catalog(lambda catalog: catalog.views.tomogram(watch, session, name))

    async def result(self, result_id: str) -> ResultView | None:
        """One result."""
        return await self._catalog(lambda catalog: catalog.views.result(result_id))

    async def latest_result(self, watches: Collection[str], skip: int) -> str | None:
        """The id of the last result, or of the one so many before it."""
        return await self._catalog(lambda catalog: catalog.views.latest_result(watches, skip))

    async def last_seq(self) -> int:
        """The number of the newest event, or the newest that was seen: to ask whether the catalog is alive."""
        return await self._catalog.last_seq()

    async def numbering(self) -> tuple[str, int]:
        """The epoch in which events are numbered, and the number of the newest."""
        return await self._catalog(lambda catalog: (catalog.event_log.epoch().id, catalog.event_log.last()))

    async def events_after(self, seq: int, limit: int) -> list[Recorded]:
        """The next events."""
        return await self._catalog.events_after(seq, limit)

    async def wait_beyond(self, seq: int) -> None:
        """Return when there is an event with a higher number."""
        await self._catalog.wait_beyond(seq)


async def newest_of_each_watch(view: View, live: Collection[tuple[str, str]]) -> list[SessionTotals]:
    """What the first session of each watch in `live`, which has the latest first, adds up to."""
    newest = dict(reversed(list(live)))
    return [await view.totals(watch, session) for watch, session in newest.items()]


async def live_sessions(view: View) -> list[tuple[str, str]]:
    """(watch, session) of those that a tomogram was taken in for lately, bounded: they become labels."""
    now = datetime.now(UTC)
    # One of a time to come was recorded by a clock that was ahead, and would be live for years.
    first, last = now - LIVE, now + timedelta(seconds=AHEAD_SECONDS)
    return [
        (each.watch, each.session) for each in await view.sessions(MOST_LIVE_SESSIONS) if first < each.newest < last
    ]
