"""Keeps everybody told how things stand: what the broker retains, and the gauges."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from livetomo.catalog.catalog import CatalogThread
from livetomo.catalog.views import SessionTotals
from livetomo.overview import Overview
from livetomo.publish.metrics import Metrics
from livetomo.publish.retained import Retained
from livetomo.publish.standing import StatusTold, SummaryTold
from livetomo.publish.topics import Topics
from livetomo.status import Status

SESSION_QUIET = timedelta(hours=12)
AT_MOST_EVERY_SECONDS = 2.0
AT_LEAST_EVERY_SECONDS = 30.0


class Teller:
    """Tells at each change of the catalog, but not more often than a person could read."""

    def __init__(
        self,
        overview: Overview,
        catalog: CatalogThread,
        metrics: Metrics,
        retained: Retained | None,
        topics: Topics,
    ) -> None:
        self._overview = overview
        self._catalog = catalog
        self._metrics = metrics
        self._retained = retained
        self._topics = topics
        self._told: Status | None = None
        self._live: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            bell = self._catalog.bell
            await self.tell()
            await asyncio.sleep(AT_MOST_EVERY_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(bell.wait(), AT_LEAST_EVERY_SECONDS)

    async def tell(self) -> None:
        """Look, and tell what has changed."""
        status = await self._overview.status()
        sessions = await self._live_sessions(status.time)
        live = {(totals.watch, totals.session) for totals in sessions}
        self._metrics.show(status, sorted(live))
        if self._retained is None:
            return
        for totals in sessions:
            self._retained.put(self._topics.summary(totals.watch, totals.session), SummaryTold.of(totals).payload())
        for watch, session in self._live - live:
            self._retained.clear(self._topics.summary(watch, session))
        self._live = live
        if self._told is None or _differs(self._told, status):
            self._told = status
            self._retained.put(self._topics.status, StatusTold.of(status).payload())

    async def _live_sessions(self, now: datetime) -> Sequence[SessionTotals]:
        sessions = await self._catalog(lambda catalog: catalog.views.sessions())
        live = [(session.watch, session.session) for session in sessions if now - session.newest < SESSION_QUIET]
        return await self._catalog(lambda catalog: [catalog.views.totals(*session) for session in live])


def _differs(told: Status, now: Status) -> bool:
    """Whether `now` is news, for people: the time that has passed alone is none, unless it is a good while."""
    epoch = datetime.fromtimestamp(0, UTC)
    still = timedelta(seconds=AT_LEAST_EVERY_SECONDS)
    return now.time - told.time > still or replace(told, time=epoch, disks=()) != replace(now, time=epoch, disks=())
