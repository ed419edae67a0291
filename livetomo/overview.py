"""What the daemon is doing at this moment, gathered from every room."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import livetomo
from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.config import Config
from livetomo.disks import Disks
from livetomo.problems import Collector, Problem, Reporter
from livetomo.publish.mqtt import Publisher
from livetomo.state_problems import PoorSession, of_sessions, of_states
from livetomo.status import BrokerState, Status
from livetomo.watches import Watches
from livetomo.web.view import LIVE
from livetomo.workers.lane import Lane


class Overview:
    """Asks everybody how they are. `reporters` are the parts of the daemon that know of problems of their own."""

    def __init__(
        self,
        config: Config,
        *,
        catalog: CatalogThread,
        watches: Watches,
        lanes: Sequence[Lane],
        disks: Disks,
        publisher: Publisher | None,
        address: str,
        reporters: Sequence[Reporter] = (),
    ) -> None:
        self._config = config
        self._catalog = catalog
        self._watches = watches
        self._lanes = lanes
        self._disks = disks
        self._publisher = publisher
        self._address = address
        self._reporters = reporters
        self._collector = Collector()
        self._started = datetime.now(UTC)

    async def status(self) -> Status:
        """One snapshot."""
        status = await self._states()
        poor = await self._catalog(_poor_sessions)
        return replace(status, problems=self._collector.collect(self._problems(status, poor), status.time))

    def _problems(self, status: Status, poor: Sequence[PoorSession]) -> Iterator[Problem]:
        names = self._watches.names
        yield from of_states(status)
        yield from of_sessions([each for each in poor if each.watch in names])
        for reporter in self._reporters:
            yield from reporter.problems()

    async def _states(self) -> Status:
        return Status(
            site=self._config.site,
            instance=self._config.instance,
            version=livetomo.__version__,
            time=datetime.now(UTC),
            started=self._started,
            url=str(self._config.http.public_url or self._address).rstrip("/"),
            jobs=await self._catalog(lambda catalog: catalog.views.job_counts()),
            oldest_waiting=await self._catalog(lambda catalog: catalog.views.oldest_waiting()),
            paused=await self._catalog(lambda catalog: catalog.wishes.is_paused()),
            watches=self._watches.states(),
            workers=tuple(lane.state for lane in self._lanes),
            broker=await self._broker(),
            disks=self._disks.states,
        )

    async def _broker(self) -> BrokerState:
        if self._publisher is None:
            return BrokerState(configured=False)
        waiting, oldest = await self._catalog(lambda catalog: catalog.story.backlog("mqtt"))
        state = self._publisher.state
        since = datetime.fromisoformat(oldest) if oldest else None
        return BrokerState(True, state.connected, state.error, waiting, since)


def _poor_sessions(catalog: Catalog) -> list[PoorSession]:
    """The live sessions that do not go well."""
    return [
        PoorSession(watch, session, told["verdict"], tuple(told["reasons"]))
        for watch, session in catalog.sessions.live(LIVE.total_seconds())
        if (told := catalog.course.told(watch, session)) and told["verdict"] in ("warn", "bad")
    ]
