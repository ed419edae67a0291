"""What the daemon is doing at this moment, gathered from every room."""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import UTC, datetime

import livetomo
from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.catalog.queries import Waiting
from livetomo.config.configuration import Config
from livetomo.core.events import State
from livetomo.core.problems import Collector, Problem, Reporter
from livetomo.core.state_problems import PoorSession, of_removed_watches, of_sessions, of_states
from livetomo.core.status import BrokerState, Status, WatchHealth
from livetomo.daemon.disks import Disks
from livetomo.daemon.watches import Watches
from livetomo.daemon.workers.dispatcher import Lane
from livetomo.publish.mqtt.publisher import Publisher
from livetomo.web.read_model import LIVE

ASK_SECONDS = 1.7  # the probes wait for two


@dataclass(eq=False, repr=False)
class Overview:
    """Asks everybody how they are. `reporters` are the parts of the daemon that know of problems of their own."""

    config: Config
    _: KW_ONLY
    catalog: CatalogThread
    watches: Watches
    lanes: Sequence[Lane]
    disks: Disks
    publisher: Publisher | None
    address: Callable[[], str]
    reporters: Sequence[Reporter] = ()

    def __post_init__(self) -> None:
        self._collector = Collector()
        self._started = datetime.now(UTC)
        self._facts = _Facts()

    async def status(self) -> Status:
        """One snapshot."""
        facts, trouble = await self._look()
        status = self._states(facts)
        problems = self._problems(status, facts, trouble)
        return replace(status, problems=self._collector.collect(problems, status.time))

    def _problems(self, status: Status, facts: "_Facts", trouble: str) -> Iterator[Problem]:
        names = self.watches.names
        if trouble:
            yield Problem("catalog", "file", "critical", trouble, blocks_ready=True)
        yield from of_states(status)
        yield from of_removed_watches({name: each.jobs for name, each in facts.waiting.items() if name not in names})
        yield from of_sessions([each for each in facts.poor if each.watch in names])
        for reporter in self.reporters:
            yield from reporter.problems()

    def _states(self, facts: "_Facts") -> Status:
        names = self.watches.names
        return Status(
            site=self.config.site,
            instance=self.config.instance,
            version=livetomo.__version__,
            time=datetime.now(UTC),
            started=self._started,
            url=str(self.config.http.public_url or self.address()).rstrip("/"),
            jobs=_counted(facts, names),
            oldest_waiting=min((each.oldest for name, each in facts.waiting.items() if name in names), default=None),
            paused=facts.paused,
            watches=tuple(
                replace(state, health=facts.health.get(state.name, state.health)) for state in self.watches.states()
            ),
            workers=tuple(lane.state for lane in self.lanes),
            broker=self._broker(facts),
            disks=self.disks.states,
            epoch=facts.epoch,
        )

    async def _look(self) -> tuple["_Facts", str]:
        """What the catalog says, and what is wrong with it; in trouble, what it said before that."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                self._facts = await self.catalog(_facts)
        except TimeoutError:
            return self._facts, self.catalog.trouble or "the catalog does not answer"
        return self._facts, self.catalog.trouble

    def _broker(self, facts: "_Facts") -> BrokerState:
        if self.publisher is None:
            return BrokerState(configured=False)
        return replace(self.publisher.state, waiting=facts.unpublished, oldest=facts.unpublished_since)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the status takes from the catalog, asked for at once."""

    jobs: Mapping[State, int] = field(default_factory=dict)
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    paused: bool = False
    unpublished: int = 0
    unpublished_since: datetime | None = None
    poor: tuple[PoorSession, ...] = ()
    health: Mapping[str, WatchHealth] = field(default_factory=dict)
    epoch: str = ""


def _facts(catalog: Catalog) -> _Facts:
    waiting, oldest = catalog.event_log.backlog("mqtt")
    return _Facts(
        jobs=catalog.views.job_counts(),
        waiting=catalog.views.waiting(),
        paused=catalog.operator_requests.is_paused(),
        unpublished=waiting,
        unpublished_since=datetime.fromisoformat(oldest) if oldest else None,
        poor=tuple(_poor_sessions(catalog)),
        health=catalog.health.of_watches(),
        epoch=catalog.event_log.epoch().id,
    )


def _counted(facts: _Facts, names: Collection[str]) -> Mapping[State, int]:
    """How many jobs are in each state; those of watches that were taken out wait for nobody."""
    others = sum(each.jobs for name, each in facts.waiting.items() if name not in names)
    left = {state: number - others * (state == "waiting") for state, number in facts.jobs.items()}
    return {state: number for state, number in left.items() if number}


def _poor_sessions(catalog: Catalog) -> list[PoorSession]:
    """The live sessions that do not go well."""
    return [
        PoorSession(watch, session, verdict, reasons)
        for watch, session in catalog.sessions.live(LIVE.total_seconds())
        for verdict, reasons in [catalog.views.session_verdict(watch, session)]
        if verdict in ("warn", "bad")
    ]
