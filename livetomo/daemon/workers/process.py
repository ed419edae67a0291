"""The supervisor's hold on one worker process: started on a device when needed, listened to, killed when it must be."""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from livetomo.core.back_off import BackOff
from livetomo.core.errors import OUT_OF_MEMORY, OutOfDeviceMemory
from livetomo.core.tomogram import Fault
from livetomo.system.end_child import REAP_SECONDS
from livetomo.system.json_parent import Message
from livetomo.system.json_pipes import ChildGone, JsonChild
from livetomo.system.memory import Memory

START_SECONDS = 120.0
SILENCE_SECONDS = 60.0
PAUSES = BackOff(1.0, 60.0)
MOSTLY_FREE = 0.5
"""Of the memory, when the worker that was ended for want of it is gone."""

log = logging.getLogger("livetomo.workers.process")


class WorkerFault(Exception):
    """The worker, not the job, is at fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class WorkerProcess:
    """One worker on one device; it may be a different process from one job to the next."""

    def __init__(self, device: str, *, workers: int, memory: Memory | None = None) -> None:
        self._device = device
        self._memory = memory or Memory()
        self._kills: int | None = None
        self._workers = workers
        self._child: JsonChild | None = None
        self._reader: asyncio.Task[None] | None = None
        self._messages: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def ensure(self) -> None:
        """Return when there is a worker that is ready, with growing pauses while none will start."""
        failures = 0
        while self._child is None or self._child.returncode is not None:
            await self.stop()
            try:
                async with asyncio.timeout(START_SECONDS):
                    await self._start()
            except (TimeoutError, ChildGone, OSError) as fault:
                failures += 1
                pause = PAUSES.seconds(failures)
                why = str(fault) or "it does not answer"
                log.error(f"the worker on {self._device} does not start: {why}; next try in {pause:.0f} s")
                await self.stop()
                await asyncio.sleep(pause)

    async def send(self, message: Message) -> None:
        """Send the worker a message; `WorkerFault` when it is gone."""
        assert self._child is not None
        self._kills = self._memory.kills()
        try:
            await self._child.send(message)
        except ChildGone:
            raise await self._death() from None

    async def receive(self) -> dict[str, Any]:
        """Its next message; `WorkerFault` when it dies, or says nothing for so long that it must be wedged."""
        try:
            # Not wait_for: in Python 3.11 it forgets a cancellation that comes together with what it waits for.
            async with asyncio.timeout(SILENCE_SECONDS):
                message = await self._messages.get()
        except TimeoutError:
            await self.stop()
            said = f"The worker on {self._device} said nothing for {SILENCE_SECONDS:.0f} s and was stopped."
            raise WorkerFault(Fault("device", "worker silent", said)) from None
        if message is None:
            raise await self._death()
        return message

    async def stop(self) -> None:
        """Kill it, whatever it is doing; one that waits for a file system in the kernel ends when that answers."""
        child, reader, self._child, self._reader = self._child, self._reader, None, None
        if child is not None and not await child.end():
            log.warning(f"the worker on {self._device} (process {child.pid}) is killed but has not ended yet")
        elif reader is not None:
            with suppress(TimeoutError):  # what the worker has started may outlive it, and hold its pipes open
                async with asyncio.timeout(REAP_SECONDS):
                    await reader

    async def _start(self) -> None:
        said = logging.getLogger(f"{__name__}.output")
        self._child = await JsonChild.start(
            [sys.executable, "-m", "livetomo.processing.worker_process", "--device", local_name(self._device)],
            env=environment(self._device, self._workers),
            log=lambda line: said.info(line, extra={"device": self._device}),
        )
        self._messages = asyncio.Queue()
        self._reader = asyncio.create_task(_listen(self._child, self._messages))
        if await self._messages.get() is None:
            raise ChildGone(f"it ended with exit code {await self._child.wait()}")

    async def _death(self) -> WorkerFault:
        assert self._child is not None
        code = await self._child.wait()
        if code == -signal.SIGKILL and self._kernel_has_killed():
            return WorkerFault(self._out_of_memory())
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        said = f"The worker on {self._device} {how} in the middle of the job."
        return WorkerFault(Fault("device", "worker died", said))

    def _kernel_has_killed(self) -> bool:
        """Whether the kernel has ended a process for want of memory since the last message to the worker."""
        before, after = self._kills, self._memory.kills()
        return before is not None and after is not None and after > before

    def _out_of_memory(self) -> Fault:
        """The tomogram's fault where, now that the worker is gone, most memory is free; otherwise other programs'."""
        said = f"The kernel ended the worker on {self._device} for want of memory in the middle of the job"
        free = self._memory.free_share()
        if free >= MOSTLY_FREE:
            return Fault("device", OUT_OF_MEMORY, f"{said}, and no other program held it.")
        return Fault("device", OutOfDeviceMemory.reason, f"{said}: other programs hold {1 - free:.0%} of it.")


async def _listen(child: JsonChild, messages: asyncio.Queue[dict[str, Any] | None]) -> None:
    """Read on even when nobody asks, so that the worker is never held up by a full pipe; None is its end."""
    try:
        async for message in child:
            if message["is"] != "alive" or messages.empty():
                messages.put_nowait(message)
    finally:
        messages.put_nowait(None)


def find_devices() -> list[str]:
    """Every CUDA device that NVIDIA's driver lists; the CPU where there is none."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ["cpu"]
    listing = subprocess.run([tool, "--list-gpus"], capture_output=True, text=True, timeout=30, check=False)
    found = [line for line in listing.stdout.splitlines() if line.startswith("GPU ")]
    return [f"cuda:{index}" for index in range(len(found))] or ["cpu"]


def environment(device: str, workers: int) -> Mapping[str, str]:
    """What a worker's environment says before anything is imported: its one device, its share of the processors."""
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    shared = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return shared | {"CUDA_VISIBLE_DEVICES": device.removeprefix("cuda:") if device != "cpu" else ""}


def local_name(device: str) -> str:
    """The device as its worker sees it: the only one."""
    return "cpu" if device == "cpu" else "cuda:0"
