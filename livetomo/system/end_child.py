"""Ends a child together with what it has started, and reaps it."""

import asyncio
import os
import signal
from collections.abc import Awaitable
from contextlib import suppress
from typing import Protocol

REAP_SECONDS = 5.0


class EndableChild(Protocol):
    """A child that was started in a session of its own (`start_new_session`): its number is that of its group."""

    @property
    def pid(self) -> int:
        """Its process number."""

    @property
    def returncode(self) -> int | None:
        """How it ended; None while it runs."""

    def wait(self) -> Awaitable[int]:
        """Its exit code, once it has ended."""


def kill(child: EndableChild) -> None:
    """Kill a child and what it has started, whatever they are doing; `end` reaps it, too."""
    if child.returncode is None:
        _signal(child, signal.SIGKILL)


async def end(child: EndableChild, *, grace_seconds: float = 0.0, reap_seconds: float | None = REAP_SECONDS) -> bool:
    """End a child and what it has started; whether it has ended.

    It gets SIGTERM and `grace_seconds` to end by itself; without grace, or after it, it is killed. One that waits in
    the kernel for a file system ends only when that answers, so it is waited for `reap_seconds`; None: however long.
    """
    if child.returncode is not None:
        return True
    if grace_seconds:
        _signal(child, signal.SIGTERM)
        await _has_ended(child, grace_seconds)
    _signal(child, signal.SIGKILL)  # even if it has ended by now: what it has started may not have
    return await _has_ended(child, reap_seconds)


def _signal(child: EndableChild, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


async def _has_ended(child: EndableChild, seconds: float | None) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await child.wait()
    return child.returncode is not None
