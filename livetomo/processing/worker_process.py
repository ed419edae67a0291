"""The worker process: one device, one job after the other, JSON lines on its pipes; it never sees the catalog.

It reads  {"do": "job", "token", "folder", "spec", "mark"}  and  {"do": "cancel", "token"}, and it writes
{"is": "ready", "device"}, {"is": "alive"}, {"is": "stage", "token", "stage"}, {"is": "done", "token"} and
{"is": "failed", "token", "fault"}.
"""

import argparse
import os
import queue
import shutil
import threading
import time
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import Any

from livetomo.core.errors import LivetomoError, OutputAway
from livetomo.core.tomogram import Fault
from livetomo.processing.pipeline.job_spec import JobSpec
from livetomo.results.marks import read_mark
from livetomo.system.crash_points import crash_point
from livetomo.system.json_parent import Message, Parent

ALIVE_EVERY_SECONDS = 5.0


class Cancelled(Exception):
    """The supervisor wants this job no more."""


class Worker:
    """Runs the jobs that come in, one at a time."""

    def __init__(self, parent: Parent, device: str) -> None:
        self._parent = parent
        self._device = device
        self._jobs: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._cancelled: set[str] = set()

    def run(self) -> None:
        """Serve until the supervisor is gone."""
        # torch is loaded now, so that the first job does not wait for it
        from livetomo.processing.networks.package import Models
        from livetomo.processing.pipeline import run as pipeline  # noqa: F401

        self._models = Models(self._device)
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._say_alive, daemon=True).start()
        self._parent.send({"is": "ready", "device": self._device})
        while True:
            message = self._jobs.get()
            self._perform(message["token"], Path(message["folder"]), message["spec"], message.get("mark"))

    def _listen(self) -> None:
        for message in self._parent:
            if message["do"] == "cancel":
                self._cancelled.add(message["token"])
            else:
                self._jobs.put(message)
        os._exit(0)  # the supervisor is gone: nobody wants what is being made

    def _say_alive(self) -> None:
        while True:
            time.sleep(ALIVE_EVERY_SECONDS)
            self._parent.send({"is": "alive"})

    def _perform(self, token: str, folder: Path, spec: dict[str, Any], mark: dict[str, str] | None) -> None:
        from livetomo.processing.pipeline import run as pipeline

        def announce(stage: str) -> None:
            if token in self._cancelled:
                raise Cancelled
            if stage == "write" and mark is not None and read_mark(Path(mark["place"])) != mark["mark"]:
                raise OutputAway(Path(mark["place"]))
            self._parent.send({"is": "stage", "token": token, "stage": stage})
            crash_point(stage)

        try:
            pipeline.run(JobSpec.from_json(spec), folder, device=self._device, models=self._models, announce=announce)
        except Exception as fault:  # the border of a job: whatever it was, it costs this job and is recorded
            shutil.rmtree(folder, ignore_errors=True)
            self._parent.send({"is": "failed", "token": token, "fault": asdict(fault_of(fault))})
        else:
            crash_point("made")
            self._parent.send({"is": "done", "token": token})
        finally:
            self._cancelled.discard(token)


def fault_of(fault: Exception) -> Fault:
    """`fault` as it travels: its kind and reason from its class."""
    trace = "".join(traceback.format_exception(fault))
    if isinstance(fault, LivetomoError):
        return Fault(fault.kind, fault.reason, str(fault), trace)
    if isinstance(fault, Cancelled):
        return Fault("transient", "cancelled", "No longer wanted.")
    if isinstance(fault, OSError):
        return Fault("transient", "input/output error", f"{fault}. It is tried again.", trace)
    return Fault("unexpected", "unexpected error", f"{type(fault).__name__}: {fault}", trace)


def main() -> None:
    """`python -m livetomo.processing.worker_process --device cuda:0`."""
    parser = argparse.ArgumentParser(prog="python -m livetomo.processing.worker_process", description=__doc__)
    parser.add_argument("--device", required=True)
    parent = Parent()
    Worker(parent, parser.parse_args().device).run()


if __name__ == "__main__":
    main()
