"""The supervisor's side of one watch: starts its process, records what it finds, survives whatever happens to it."""

import asyncio
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from livetomo.core.back_off import BackOff
from livetomo.core.status import WatchState
from livetomo.core.tomogram import Arrival, KnownFile
from livetomo.intake.messages import Report, arrival_from_json, known_from_json, known_messages
from livetomo.intake.settings import WatchSettings
from livetomo.system.json_pipes import ChildGone, JsonChild

if TYPE_CHECKING:
    from livetomo.config.configuration import Watch

PAUSES = BackOff(1.0, 60.0)
LONG_LIFE_SECONDS = 600.0
STARTING = "its first scan is not done yet"

log = logging.getLogger("livetomo.intake.supervise")


@dataclass(eq=False, repr=False)
class Intake:
    """One watch, from its process to the catalog.

    known:    all that has been dealt with, at each start of the process.
    arrived:  records an arrival; only when it returns is the file dealt with, and when it raises, it is offered again.
              A file whose time alone has changed arrives again with the digest that is known already.
    baseline: records that the first scan is done, and which files are left alone until they change; later, which
              copies and moved old files are left alone too.
    first_start: whether the watch has never completed a scan.
    """

    watch: "Watch"
    _: KW_ONLY
    known: Callable[[], Awaitable[Sequence[KnownFile]]]
    arrived: Callable[[Arrival], Awaitable[None]]
    baseline: Callable[[Sequence[KnownFile]], Awaitable[None]]
    first_start: bool
    start: Callable[[], Awaitable[JsonChild]] | None = None
    clock: Callable[[], float] = time.monotonic
    now: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def __post_init__(self) -> None:
        self.name = self.watch.name
        self._settings = WatchSettings.of(self.watch)
        self._start = self.start or self._start_process
        self._hang_seconds = self.watch.answer_time_limit
        self._report = Report()
        self._last_scan: float | None = None
        self._last_word = self.clock()
        self._is_listening = False
        self._trouble = STARTING
        self._hung_since: float | None = None

    async def run(self) -> None:
        """Until cancelled. The death of the process is no reason to end: it is started again, ever more patiently."""
        failures = 0
        while True:
            began = self.clock()
            try:
                reason = await self._one_life()
            except (OSError, ChildGone, ValueError, KeyError, TypeError) as error:
                reason = f"{type(error).__name__}: {error}"
            except Exception as error:  # the catalog's: it may be able again later
                log.exception("watch %s: what was found could not be recorded", self.name)
                reason = f"what was found could not be recorded ({error})"
            failures = 1 if self.clock() - began > LONG_LIFE_SECONDS else failures + 1
            pause = PAUSES.seconds(failures)
            if self._hung_since is None:
                self._trouble = f"its process ended ({reason}) and is started again"
            log.warning("watch %s: its process ended (%s); started again in %.0f s", self.name, reason, pause)
            await self.sleep(pause)

    def status(self) -> WatchState:
        """How it is doing."""
        report = self._report
        message = self._trouble or report.trouble
        return WatchState(
            name=self.name,
            scanning=not message,
            message=message,
            starting=message == STARTING,
            last_scan=None if self._last_scan is None else datetime.fromtimestamp(self._last_scan, UTC),
            scan_seconds=report.seconds,
            files=report.files,
            settling=report.settling,
            candidates=report.candidates,
            overflows=report.overflows,
            mode=report.mode,
        )

    @property
    def hangs(self) -> bool:
        """Whether the file system does not answer."""
        return self._hung_since is not None

    @property
    def report(self) -> Report:
        """What the process last reported: candidates, files that are not taken yet and why, lost events."""
        return self._report

    async def _start_process(self) -> JsonChild:
        argv = [sys.executable, "-m", "livetomo.intake", self.name]  # its name is for people who read `ps`
        return await JsonChild.start(argv, log=lambda line: log.info("watch %s: %s", self.name, line))

    async def _one_life(self) -> str:
        """One process, from its start to its end; why it ended."""
        known = await self.known()
        process = await self._start()
        self._report = replace(self._report, scans=0)
        self._last_word, self._is_listening = self.clock(), True
        guard = asyncio.create_task(self._guard(process))
        try:
            for message in known_messages(known):
                await process.send(message)
            await process.send({"do": "start", "settings": self._settings.to_json(), "first_start": self.first_start})
            del known
            async for message in process:
                self._is_listening = False
                await self._hear(process, message)
                self._last_word, self._is_listening = self.clock(), True
            code = await process.wait()
        finally:
            guard.cancel()
            await process.end()
        if self._hung_since is not None:
            return "it had to be killed, because the file system did not answer"
        return f"exit code {code}"

    async def _hear(self, process: JsonChild, message: Mapping[str, Any]) -> None:
        match message["say"]:
            case "report":
                self._take_report(Report.from_json(message["report"]))
            case "baseline":
                await self.baseline(known_from_json(message["files"]))
                self.first_start = False
                await process.send({"do": "baseline_is_taken"})
            case "left_alone":
                files = known_from_json(message["files"])
                await self.baseline(files)
                self._report_left_alone(files)
            case "arrival":
                arrival = arrival_from_json(message["arrival"])
                try:
                    await self.arrived(arrival)
                except Exception:  # recorded here, and tried again by the process
                    log.exception("watch %s: %s could not be recorded; tried again", self.name, arrival.path)
                    await process.send({"do": "try_again", "path": arrival.path})
                else:
                    await process.send({"do": "acknowledge", "path": arrival.path})

    def _report_left_alone(self, files: Sequence[KnownFile]) -> None:
        for file in files:
            if file.copy_of:
                log.info(
                    "watch %s: %s is a copy of %s, and is not processed again", *(self.name, file.path, file.copy_of)
                )
        if moved := [file.path for file in files if not file.copy_of]:
            log.info("watch %s: %d old files have moved and stay left alone, first %s", self.name, len(moved), moved[0])

    def _take_report(self, report: Report) -> None:
        if report.scans or report.trouble:
            self._trouble = ""
            self._hung_since = None
        if report.scans > self._report.scans:
            self._last_scan = self.now()
        self._report = report

    async def _guard(self, process: JsonChild) -> None:
        """Kill the process when it has been silent for too long: what asks a hung file system hangs."""
        while True:
            silent = self.clock() - self._last_word
            if self._is_listening and silent >= self._hang_seconds:
                if self._hung_since is None:
                    self._hung_since = self._last_word
                    log.error("watch %s: %s does not answer", self.name, self._settings.root)
                since = datetime.fromtimestamp(self.now() - (self.clock() - self._hung_since), UTC)
                self._trouble = (
                    f"{self._settings.root} has not answered since {since:%Y-%m-%d %H:%M:%S} UTC. Is its server up?"
                )
                process.kill()
            await self.sleep(max(self._hang_seconds - silent, self._hang_seconds / 10))
