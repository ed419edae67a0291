"""What the daemon is doing at this moment, gathered from every room."""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import livetomo
from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.config import Config
from livetomo.patience import NoAnswer, within
from livetomo.problems import Collector, Problem, Reporter
from livetomo.publish.mqtt import Publisher
from livetomo.state_problems import PoorSession, of_sessions, of_states
from livetomo.status import BrokerState, DiskState, Status
from livetomo.watches import Watches
from livetomo.web.view import LIVE
from livetomo.workers.lane import Lane

DISK_LOOK_SECONDS = 5.0
DISK_ANSWER_SECONDS = 10.0


class Disks:
    """How much room is left where the daemon writes; a file system that does not answer has none."""

    def __init__(self, config: Config) -> None:
        self._folders: dict[Literal["state", "output"], Path] = {
            "state": config.state,
            "output": _fixed_part(config.output),
        }
        self._min_free = config.min_free
        self.states: tuple[DiskState, ...] = ()

    @property
    def enough(self) -> bool:
        """Whether jobs may be started."""
        return all(state.enough for state in self.states)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(DISK_LOOK_SECONDS)

    async def look(self) -> None:
        """Look once."""
        states = []
        for name, folder in self._folders.items():
            total, free = await self._room(folder)
            states.append(DiskState(name, free, total > 0 and free >= min(self._min_free, total / 10)))
        self.states = tuple(states)

    async def _room(self, folder: Path) -> tuple[int, int]:
        try:
            return await asyncio.to_thread(within, DISK_ANSWER_SECONDS, lambda: _room(folder))
        except (NoAnswer, OSError):
            return 0, 0


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


def _fixed_part(output: str) -> Path:
    """The part of the output's path that is the same for every watch and session."""
    fixed = Path(output.split("{")[0])
    return fixed if output.split("{")[0].endswith("/") or "{" not in output else fixed.parent


def _room(folder: Path) -> tuple[int, int]:
    """Bytes in all and bytes free, where `folder` is or will be."""
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    return usage.total, usage.free
