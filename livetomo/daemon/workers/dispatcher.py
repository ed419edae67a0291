"""One device's lane: it claims jobs, has a worker run them, commits what comes back; an unfit device gets a rest."""

import asyncio
import contextlib
import logging
import math
import shutil
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from livetomo.catalog.catalog import Catalog, CatalogThread
from livetomo.catalog.job_queue import LEASE_SECONDS, Claim, complete_at
from livetomo.core.back_off import BackOff
from livetomo.core.errors import OUT_OF_MEMORY, BadManifest, LivetomoError, SourceUnreadable
from livetomo.core.status import WorkerState
from livetomo.core.tomogram import Fault, attempt_name, result_name, tomogram_folder
from livetomo.daemon.workers.process import WorkerFault, WorkerProcess
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.publish.prometheus.metrics import Metrics
from livetomo.results.folder import install
from livetomo.system.crash_points import crash_point
from livetomo.system.hung_calls import apart

IDLE_LOOK_SECONDS = 30.0
BENCH_LOOK_SECONDS = 5.0
POSTPONED_SECONDS = 20.0
END_SECONDS = 10.0
CANNOT_COMMIT = "cannot commit"
_READING = ("", "read")

R = TypeVar("R")
log = logging.getLogger("livetomo.workers.lane")
TOMOGRAMS = 3
RESTS = BackOff(5.0, 3600.0)


@dataclass(eq=False, repr=False)
class Lane:
    """Serves one device until it is cancelled; a worker that dies is replaced, and its job is not lost."""

    device: str
    _: KW_ONLY
    lanes: int
    catalog: CatalogThread
    output: str
    claim: Callable[[Catalog, str], Claim | None]
    spec_of: Callable[[Claim], JobSpec]
    job_time_limit: float
    metrics: Metrics
    mark_for: Callable[[Path], Mapping[str, str] | None] = lambda folder: None
    may_start: Callable[[], bool] = lambda: True
    excuses: Callable[[Claim, Fault], bool] = lambda claim, fault: False
    hangs: Callable[[Claim], bool] = lambda claim: False

    def __post_init__(self) -> None:
        self._renew_at = -math.inf
        self._breaker = CircuitBreaker()
        self._worker = WorkerProcess(self.device, workers=self.lanes)
        self.state = WorkerState(self.device, "starting", since=datetime.now(UTC))

    async def run(self) -> None:
        """Until cancelled. A job that is running then goes back to the queue, uncharged."""
        try:
            while True:
                await self._sit_out()
                self._report("starting")
                await self._worker.ensure()
                self._report("idle")
                await self._serve(await self._next_job())
        finally:
            await self._worker.stop()

    async def _sit_out(self) -> None:
        """While the device is benched, or must not work for another reason, hold no worker."""
        while (rest := self._breaker.rest()) or not self.may_start():
            await self._worker.stop()
            self._report("benched" if rest else "idle", message=self._breaker.why if rest else "")
            await asyncio.sleep(min(rest or BENCH_LOOK_SECONDS, BENCH_LOOK_SECONDS))

    async def _next_job(self) -> Claim:
        while True:
            bell = self.catalog.bell
            if self.may_start():
                claim = await self.catalog(self._claim)
                if claim is not None:
                    crash_point("claimed")
                    return claim
            due = await self.catalog(lambda catalog: catalog.jobs.next_due())
            wait = IDLE_LOOK_SECONDS if due is None else min(IDLE_LOOK_SECONDS, max(0.05, due - time.time()))
            with contextlib.suppress(TimeoutError):
                # Not wait_for: in Python 3.11 it forgets a cancellation that comes as the bell rings.
                async with asyncio.timeout(wait):
                    await bell.wait()

    def _claim(self, catalog: Catalog) -> Claim | None:
        return None if catalog.operator_requests.is_paused() else self.claim(catalog, self.device)

    async def _serve(self, claim: Claim) -> None:
        """One attempt: have it made, and commit it or account for its fault."""
        folder = tomogram_folder(self.output, claim.tomogram) / attempt_name(claim.token)
        try:
            fault = await self._make(claim, folder)
        except asyncio.CancelledError:
            await self._worker.stop()
            # Where its file system hangs, the job stays leased, and the next start sweeps what it has left.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_SECONDS):
                    await _sweep(folder)
                await self.catalog(lambda catalog: catalog.jobs.release(claim.token))
            raise
        self._breaker.count(str(claim.tomogram), fault)
        if fault is None:
            await _to_the_end(self._commit(claim, folder))
        else:
            await _to_the_end(self._account(claim, folder, fault))

    async def _make(self, claim: Claim, folder: Path) -> Fault | None:
        """Have the worker make the result in `folder`; None when it lies there."""
        self._report("busy", claim)
        complete = complete_at(claim.settled_at, claim.content.modified_ns, time.time())
        self.metrics.began(claim.tomogram.watch, max(0.0, time.time() - complete))
        try:
            async with asyncio.timeout(self.job_time_limit):
                fault = await self._converse(claim, folder)
        except WorkerFault as ending:
            self.metrics.worker_stopped(self.device, died=True)
            return ending.fault
        except TimeoutError:
            await self._worker.stop()
            self.metrics.worker_stopped(self.device, died=True)
            limit = f"{self.job_time_limit:,.0f} s"
            return Fault("transient", "time limit", f"It was not finished within {limit} and was stopped.")
        except LivetomoError as refusal:
            return Fault(refusal.kind, refusal.reason, str(refusal))
        if fault is None:
            self.metrics.worker_at(self.device, None)
        else:
            self.metrics.worker_stopped(self.device, died=False)
        return fault

    async def _converse(self, claim: Claim, folder: Path) -> Fault | None:
        names: dict[str, Any] = {"token": claim.token, "folder": str(folder), "mark": self.mark_for(folder)}
        job = {"do": "job", **names, "spec": self.spec_of(claim).to_json()}
        await self._worker.send(job)
        while (message := await self._next_message(claim))["is"] == "stage":
            self._report("busy", claim, str(message["stage"]))
            self.metrics.worker_at(self.device, str(message["stage"]))
        return Fault(**message["fault"]) if message["is"] == "failed" else None

    async def _next_message(self, claim: Claim) -> dict[str, Any]:
        """The next message about this job, keeping its lease meanwhile; a lost lease is reported to the worker."""
        while True:
            message = await self._worker.receive()
            if self.state.stage in _READING and self.hangs(claim):
                await self._worker.stop()
                said = f"The file system of {claim.tomogram.watch} does not answer; its worker was stopped."
                raise WorkerFault(Fault("transient", SourceUnreadable.reason, said))
            if time.monotonic() > self._renew_at:
                self._renew_at = time.monotonic() + LEASE_SECONDS / 3
                if not await self.catalog(lambda catalog: catalog.jobs.renew(claim.token, LEASE_SECONDS)):
                    await self._worker.send({"do": "cancel", "token": claim.token})
            if message.get("token") == claim.token:
                return message

    async def _commit(self, claim: Claim, folder: Path) -> None:
        """The fenced commit: only the attempt that holds the lease moves its folder into place and is recorded."""
        final = folder.with_name(result_name(claim.revision, claim.recipe_hash))
        if not await self.catalog(lambda catalog: catalog.jobs.holds(claim.token)):
            await self._account(claim, folder, Fault("transient", "lease lost", "A newer revision took its place."))
            return
        try:
            manifest = await apart(lambda: install(folder, final))
        except BadManifest as fault:
            said = f"What the worker has written cannot be read: {fault}. Is its livetomo of this version?"
            await self._account(claim, folder, Fault("transient", fault.reason, said))
            return
        except OSError as fault:
            said = f"The result could not be moved to {final}: {fault}"
            await self._account(claim, folder, Fault("transient", CANNOT_COMMIT, said))
            return
        crash_point("moved")
        judged = await self.catalog(lambda catalog: catalog.jobs.commit(claim.token, manifest, str(final)))
        if judged is None:
            await self._account(claim, final, Fault("transient", "lease lost", "A newer revision took its place."))
            return
        crash_point("committed")
        self.metrics.finished(judged)
        log.info("done", extra=self._where(claim))

    async def _account(self, claim: Claim, folder: Path, fault: Fault) -> None:
        """The attempt came to nothing: its folder goes, and the job is tried again or given up."""
        await _sweep(folder)
        if self.excuses(claim, fault):
            await self.catalog(lambda catalog: catalog.jobs.postpone(claim.token, fault, POSTPONED_SECONDS))
            log.info(f"postponed: {fault.message}", extra=self._where(claim) | {"reason": fault.reason})
            return
        state = await self.catalog(lambda catalog: catalog.jobs.fail(claim.token, fault))
        if state is None:
            log.info(f"discarded: {fault.message}", extra=self._where(claim))
            return
        self.metrics.failed(claim.tomogram.watch, fault.kind, final=state == "failed")
        word = "failed" if state == "failed" else "tried again later"
        level = logging.WARNING if state == "failed" else logging.INFO
        log.log(level, f"{word}: {fault.message}", extra=self._where(claim) | {"reason": fault.reason})

    def _where(self, claim: Claim) -> dict[str, Any]:
        return {"tomogram": str(claim.tomogram), "revision": claim.revision, "device": self.device}

    def _report(
        self,
        state: Literal["starting", "idle", "busy", "benched"],
        claim: Claim | None = None,
        stage: str = "",
        message: str = "",
    ) -> None:
        tomogram = str(claim.tomogram) if claim else ""
        same = (state, tomogram) == (self.state.state, self.state.tomogram)
        since = self.state.since if same else datetime.now(UTC)
        self.state = WorkerState(self.device, state, tomogram, stage, since, message)


async def _sweep(folder: Path) -> None:
    """Remove what an attempt has left."""
    await apart(lambda: shutil.rmtree(folder, ignore_errors=True))


async def _to_the_end(deed: Coroutine[Any, Any, R]) -> R:
    """Do `deed` even when this task is cancelled meanwhile, which is obeyed afterwards, or when it must hang."""
    task = asyncio.create_task(deed)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task], timeout=END_SECONDS)
        raise


class CircuitBreaker:
    """Counts a device's faults. A single tomogram that kills every worker does not bench a device; three do."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: set[str] = set()
        self._rests = 0
        self._until = 0.0
        self.why = ""

    def count(self, tomogram: str, fault: Fault | None) -> None:
        """An attempt at `tomogram` has ended: with a result, or with `fault`."""
        if fault is None:
            self._failed.clear()
            self._rests = 0
        elif fault.kind == "device" and fault.reason != OUT_OF_MEMORY:  # that is the tomogram's, if it repeats
            self._failed.add(tomogram)
        if len(self._failed) >= TOMOGRAMS and fault is not None:
            self._rests += 1
            self._until = self._clock() + RESTS.seconds(self._rests)
            self.why = f"{len(self._failed)} tomograms in a row failed on it, the last so: {fault.message}"
            self._failed.clear()

    def rest(self) -> float:
        """For how many seconds the device is to rest yet; 0 when it may work."""
        return max(0.0, self._until - self._clock())
