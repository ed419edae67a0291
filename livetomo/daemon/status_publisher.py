"""Keeps what the broker retains up to date: the daemon's status, its alerts, a summary of each live session."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from livetomo.core.problems import possible_names
from livetomo.core.status import Status
from livetomo.publish.mqtt.retained import Retained
from livetomo.publish.payloads.retained import AlertPayload, StatusPayload, SummaryPayload
from livetomo.publish.payloads.topics import Topics
from livetomo.web.read_model import View, live_sessions

AT_MOST_EVERY_SECONDS = 2.0
AT_LEAST_EVERY_SECONDS = 30.0
MOST_SESSIONS = 200
# A start is nothing to look at, and a broker that is away cannot be sent that it is.
_NOT_FOR_THE_BROKER = ("start", "broker-connection")


class StatusPublisher:
    """Publishes after each event, but not more often than a person could read."""

    def __init__(self, view: View, retained: Retained, topics: Topics) -> None:
        self._view = view
        self._retained = retained
        self._topics = topics
        self._last: Status | None = None
        self._alerts = Alerts(retained, topics)
        self._live: set[tuple[str, str]] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            seq = await self._view.last_seq()
            await self.publish()
            await asyncio.sleep(AT_MOST_EVERY_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AT_LEAST_EVERY_SECONDS):
                    await self._view.wait_beyond(seq)

    async def publish(self) -> None:
        """Look, and publish what has changed."""
        live = set(await live_sessions(self._view))
        for watch, session in sorted(live):
            totals = await self._view.totals(watch, session)
            self._retained.put(self._topics.summary(totals.watch, totals.session), SummaryPayload.of(totals).payload())
        for watch, session in await self._before() - live:
            self._retained.clear(self._topics.summary(watch, session))
        self._live = live
        status = await self._view.status()
        self._alerts.show(status)
        if self._last is None or _differs(self._last, status):
            self._last = status
            self._retained.put(self._topics.status, StatusPayload.of(status).payload())
        self._retained.is_complete.set()

    async def _before(self) -> set[tuple[str, str]]:
        """Sessions that were live the last time; at first, all that an earlier run may have published."""
        if self._live is not None:
            return self._live
        return {(each.watch, each.session) for each in await self._view.sessions(MOST_SESSIONS)}


def _differs(last: Status, now: Status) -> bool:
    """Whether `now` is news for people: that time has passed is none, unless it is a good while."""
    if now.time - last.time > timedelta(seconds=AT_LEAST_EVERY_SECONDS):
        return True
    epoch = datetime.fromtimestamp(0, UTC)
    return replace(last, time=epoch, disks=()) != replace(now, time=epoch, disks=())


class Alerts:
    """The alerts of one daemon: its problems. There are never more of them than the configuration has names."""

    def __init__(self, retained: Retained, topics: Topics) -> None:
        self._retained = retained
        self._topics = topics
        self._before: set[str] | None = None

    def show(self, status: Status) -> None:
        """Publish the problems that hold now, and take back what held before.

        At first, whatever an earlier run may have left is taken back.
        """
        holding = {
            problem.name: problem
            for problem in status.problems
            if problem.kind not in _NOT_FOR_THE_BROKER and problem.name not in _NOT_FOR_THE_BROKER
        }
        before = _possible(status) if self._before is None else self._before
        self._before = set(holding)
        for name in sorted(before - holding.keys()):
            self._retained.clear(self._topics.alert(name))
        for name, problem in holding.items():
            body = {"name": name, "severity": problem.severity, "message": problem.message}
            payload = AlertPayload.model_validate(body | {"since": problem.since or status.time})
            self._retained.put(self._topics.alert(name), payload.payload())


def _possible(status: Status) -> set[str]:
    return possible_names(
        [watch.name for watch in status.watches],
        [disk.name for disk in status.disks],
        [worker.device for worker in status.workers],
    )
