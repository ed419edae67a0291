"""The demo from its first line to its last: start everything, watch it, stop everything."""

import asyncio
import signal
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiomqtt

from livetomo.core.errors import ConfigurationError
from livetomo.demo.daemon import embedded_broker, running_daemon
from livetomo.demo.scoreboard import Scoreboard
from livetomo.demo.screen import Screen
from livetomo.system.json_pipes import JsonChild

LOG_TAIL = 15


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo does. `once`: end when everything is published, or cannot be any more."""

    tomograms: int = 6
    once: bool = False
    port: int = 8787
    seed: int = 1
    write_seconds: float = 4.0

    @property
    def time_limit_seconds(self) -> float:
        """After which --once gives up."""
        return 180.0 + 60.0 * self.tomograms


async def play(plan: DemoPlan, screen: Screen) -> Scoreboard:
    """Run the demo; returns when it is over, with nothing left running and its folder removed."""
    board = Scoreboard(plan.tomograms, time.monotonic, screen.happened)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    page_port, broker_port = free_port(plan.port), free_port(0)
    # The worker may still be writing while everything is stopped around it.
    with tempfile.TemporaryDirectory(prefix="livetomo-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        screen.say(f"page    http://127.0.0.1:{page_port}/")
        screen.say(f"broker  mqtt://127.0.0.1:{broker_port}   topics livetomo/demo/#")
        screen.say(f"folder  {folder}   (removed at the end)")
        async with embedded_broker(broker_port), running_daemon(folder, broker_port, page_port) as daemon:
            try:
                await _watch(plan, board, screen, stop, folder, broker_port, daemon)
            finally:
                _report_trouble(board, screen, folder, daemon.returncode)
    return board


async def _watch(
    plan: DemoPlan,
    board: Scoreboard,
    screen: Screen,
    stop: asyncio.Event,
    folder: Path,
    broker_port: int,
    daemon: asyncio.subprocess.Process,
) -> None:
    """Let everything run until it is over."""
    subscriber = asyncio.create_task(_subscribe(board, broker_port))
    microscope = asyncio.create_task(_expose(plan, board, folder / "microscope" / "20260101_demo"))
    ended = asyncio.create_task(daemon.wait())
    stopped = asyncio.create_task(stop.wait())
    started, shown = time.monotonic(), False
    try:
        while not stop.is_set():
            screen.draw(board)
            over = board.complete and microscope.done()
            if over and not shown and not plan.once:
                screen.finish(board)
                screen.say("everything is published; the page stays until you press Ctrl-C")
                shown = True
                await asyncio.wait([stopped, ended], return_when=asyncio.FIRST_COMPLETED)
            if over or ended.done():
                return
            if plan.once and time.monotonic() - started > plan.time_limit_seconds:
                screen.say(f"gave up after {plan.time_limit_seconds:.0f} s")
                return
            for task in (subscriber, microscope):
                if task.done():
                    task.result()  # raises what ended it
            await asyncio.wait([stopped, ended], timeout=0.2, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for running in (subscriber, microscope, ended, stopped):
            running.cancel()
        await asyncio.gather(subscriber, microscope, ended, stopped, return_exceptions=True)


async def _subscribe(board: Scoreboard, broker_port: int) -> None:
    """What any consumer does: subscribe, and take what comes."""
    async with aiomqtt.Client(
        "127.0.0.1", broker_port, protocol=aiomqtt.ProtocolVersion.V311, identifier="livetomo-demo-subscriber"
    ) as client:
        await client.subscribe("livetomo/demo/#", qos=1)
        async for message in client.messages:
            if isinstance(message.payload, bytes):
                board.received(message.payload)


async def _expose(plan: DemoPlan, board: Scoreboard, session: Path) -> None:
    """Run the microscope until it has written its last tomogram."""
    said: list[str] = []
    child = await JsonChild.start(
        [
            *(sys.executable, "-m", "livetomo.demo.acquisition", str(session)),
            *("--tomograms", str(plan.tomograms), "--seed", str(plan.seed)),
            *("--write-seconds", str(plan.write_seconds)),
        ],
        log=said.append,
    )
    try:
        async for message in child:
            board.acquired(message)
        code = await child.wait()
    finally:
        await child.end()
    if code != 0:
        raise RuntimeError(f"the simulated microscope ended with {code}:\n" + "\n".join(said[-LOG_TAIL:]))


def _report_trouble(board: Scoreboard, screen: Screen, folder: Path, code: int | None) -> None:
    """Say why, before the log is removed with its folder."""
    if code is None and board.complete:
        return
    if code is not None:
        screen.say(f"the daemon ended by itself with {code}")
    log = (folder / "daemon.log").read_text(errors="replace").splitlines()
    for line in log[-LOG_TAIL:]:
        screen.say(f"daemon: {line}")


def free_port(wanted: int) -> int:
    """`wanted` if it is free on this machine, or for 0 any that is."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            raise ConfigurationError(
                f"port {wanted} is in use on this machine. Give another with --port, or --port 0 for any free one."
            ) from None
        port: int = probe.getsockname()[1]
        return port
