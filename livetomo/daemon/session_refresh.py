"""What is derived from a session's results is made anew after they changed, by a process of its own.

Neither a result nor the queue waits for it. Nothing records what was missed: at its start the daemon makes the files of
all sessions of the last days anew, so that one that was killed has lost nothing.
"""

import asyncio
import json
import logging
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

from livetomo.catalog.catalog import CatalogThread
from livetomo.core.problems import Problem, Severity
from livetomo.core.tomogram import TomogramId
from livetomo.daemon.export_problems import ExportProblems, Outcome
from livetomo.system.end_child import end

GATHER_SECONDS = 5.0
REST_FACTOR = 5.0
LONGEST_REST_SECONDS = 30.0
RETRY_SECONDS = 60.0
LEFT_OUT_RETRY_SECONDS = 600.0  # a damaged result is seldom put back
TIME_LIMIT_SECONDS = 600.0
LIVE_SECONDS = 7 * 86400.0
EVENTS_AT_A_TIME = 1000


class ChildFailed(Exception):
    """The process that should have written a session's files could not; its last line says why."""


@dataclass(eq=False, repr=False)
class SessionRefresh(ABC):
    """Has a session's files written a while after results, or what is known of them, changed."""

    catalog: CatalogThread
    output: str
    _: KW_ONLY
    watches: Callable[[], Collection[str]]
    gather_seconds: float = GATHER_SECONDS
    may_write: Callable[[], bool] = lambda: True

    files: ClassVar[str] = "files"
    """What the log calls them."""
    reported_as: ClassVar[str] = "files"
    """What the problem calls them, which a person reads beside others."""
    severity: ClassVar[Severity] = "critical"
    """Of the problem where they are not complete."""
    log: ClassVar[logging.Logger]

    def __post_init__(self) -> None:
        self._due: dict[tuple[str, str], float] = {}
        self._noted = asyncio.Event()
        self._problems = ExportProblems(self.reported_as, self.severity)

    @abstractmethod
    async def write(self, watch: str, session: str) -> Outcome:
        """Have the session's files written."""

    def learned(self, tomogram: TomogramId) -> None:
        """What is known of a tomogram's tilt series has changed: its session's files are written anew."""
        self._due[tomogram.watch, tomogram.session] = 0.0
        self._noted.set()

    def problems(self) -> Iterator[Problem]:
        """Sessions of the configured watches whose files are not complete."""
        return self._problems.of(self.watches())

    async def run(self) -> None:
        """Until cancelled. At first all sessions of the last days are written: nothing records what was missed."""
        seq = await self.catalog(lambda catalog: catalog.event_log.last())
        live = await self.catalog(lambda catalog: catalog.sessions.live(LIVE_SECONDS))
        self._due |= dict.fromkeys(live, 0.0)
        while True:
            began = time.monotonic()
            self._noted.clear()
            # Where the output is away they stay due.
            ripe = [session for session, due in self._due.items() if due <= began] if self.may_write() else []
            for session in ripe:
                del self._due[session]
                outcome = await self.write(*session)
                self._report(session, outcome)
                if not outcome.is_whole:
                    again = RETRY_SECONDS if outcome.failure else LEFT_OUT_RETRY_SECONDS
                    self._due.setdefault(session, time.monotonic() + again)
            rest = max(self.gather_seconds, min(LONGEST_REST_SECONDS, REST_FACTOR * (time.monotonic() - began)))
            await self._wait_for_news(seq, self._until_due())
            await asyncio.sleep(rest)
            seq = await self._gather(seq)

    def _report(self, session: tuple[str, str], outcome: Outcome) -> None:
        """Say what is new about it."""
        if not self._problems.learn(session, outcome):
            return
        name = "/".join(session)
        if outcome.failure:
            self.log.warning(f"the {self.files} of {name} could not be written, tried again later: {outcome.failure}")
        elif outcome.left_out:
            for tomogram, why in outcome.left_out.items():
                self.log.warning(f"the {self.files} of {name} lack {tomogram}: {why}")
        else:
            self.log.info(f"the {self.files} of {name} are complete again")

    def _until_due(self) -> float | None:
        """Seconds until the next session is to be tried again."""
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    async def _wait_for_news(self, seq: int, seconds: float | None) -> None:
        """Until an event comes, or something is learned, or the time is over."""
        waits = [asyncio.ensure_future(self.catalog.wait_beyond(seq)), asyncio.ensure_future(self._noted.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _gather(self, seq: int) -> int:
        """Note the sessions that something has happened to since event `seq`; the number of the last event."""
        while recorded := await self.catalog.events_after(seq, EVENTS_AT_A_TIME):
            for one in recorded:
                if one.event.kind in ("result", "retracted", "excluded", "readmitted"):
                    self._due[one.event.tomogram.watch, one.event.tomogram.session] = 0.0
            seq = recorded[-1].seq
        return seq


async def report_of_child(module: str, order: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a process of `module` says on its standard output, as JSON, after it got `order` on its standard input.

    Raises:
        ChildFailed: it could not do it, or not in time.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    report = b""
    try:
        async with asyncio.timeout(TIME_LIMIT_SECONDS):
            report, said = await process.communicate(json.dumps(order).encode())
    except TimeoutError:
        said = f"not done within {TIME_LIMIT_SECONDS:g} s".encode()
        await end(process, reap_seconds=None)  # where this one hangs, the next would hang beside it
    finally:
        await end(process)
    if process.returncode != 0:
        why = said.decode(errors="replace").strip().splitlines()[-1:] or ["its process ended without a message"]
        raise ChildFailed(why[0].removesuffix("."))
    answer: Mapping[str, Any] = json.loads(report)
    return answer
