"""What systemd is told, where it has started the daemon: ready, alive, reloading, stopping (sd_notify(3))."""

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable


def notify(*lines: str) -> None:
    """Send `lines` to systemd; nothing where it does not listen."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as messenger:
        messenger.sendto("\n".join(lines).encode(), "\0" + address[1:] if address[0] == "@" else address)


def reloading() -> None:
    """A reload has begun; `READY=1` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


class Watchdog:
    """Tells systemd that the daemon is alive, for as long as its event loop and its catalog answer.

    A file system or a broker that hangs is no reason: the daemon waits for these, and a restart would not help.
    """

    def __init__(self, ask_catalog: Callable[[], Awaitable[object]]) -> None:
        self._ask_catalog = ask_catalog

    async def run(self) -> None:
        """Until cancelled, at half the interval that systemd asks for; at once done where it asks for none."""
        interval = int(os.environ.get("WATCHDOG_USEC", "0")) / 2e6
        while interval:
            await self._ask_catalog()
            notify("WATCHDOG=1")
            await asyncio.sleep(interval)
