"""What the daemon reports to systemd, if systemd has started it: ready, alive, reloading, stopping (sd_notify(3))."""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable

_READY_TRIES = 60

log = logging.getLogger("livetomo.systemd")


def notify(*lines: str) -> bool:
    """Send `lines` to systemd, and never wait for it; whether it has them, or does not listen at all."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):  # none, or of a kind that no unit uses
        return True
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as messenger:
            messenger.sendto("\n".join(lines).encode(), "\0" + address[1:] if address[0] == "@" else address)
    except OSError as fault:  # gone, full, or out of descriptors: its own restart, or a moment
        log.warning("systemd does not take the message %s (%s)", lines[0], fault.strerror or fault)
        return False
    return True


async def ready(pause: Callable[[float], Awaitable[object]] = asyncio.sleep) -> None:
    """Say that the start or a reload is over: again for a minute, since systemd waits for this word."""
    for _ in range(_READY_TRIES):
        if notify("READY=1"):
            return
        await pause(1.0)


def reloading() -> None:
    """A reload has begun; `READY=1` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_seconds() -> float:
    """How often systemd wants to hear that the daemon is alive, halved; 0: not at all."""
    wanted, whose = os.environ.get("WATCHDOG_USEC", "0"), os.environ.get("WATCHDOG_PID", "")
    if not wanted.isdecimal() or (whose and whose != str(os.getpid())):
        return 0.0
    return int(wanted) / 2e6


class Watchdog:
    """Reports to systemd that the daemon is alive, for as long as its event loop and its catalog answer.

    A file system or a broker that hangs is no reason: the daemon waits for these, and a restart would not help.
    """

    def __init__(self, ask_catalog: Callable[[], Awaitable[object]]) -> None:
        self._ask_catalog = ask_catalog

    async def run(self) -> None:
        """Until cancelled, at half the interval that systemd asks for; at once done where it asks for none."""
        interval = watchdog_seconds()
        while interval:
            await self._ask_catalog()
            # What systemd misses now, it gets soon: it counts from the last report that it got.
            await asyncio.sleep(interval if notify("WATCHDOG=1") else min(1.0, interval))
