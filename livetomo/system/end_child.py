"""Ends a child together with what it has started, and reaps it."""

import asyncio
import os
import signal
from collections.abc import Awaitable
from contextlib import suppress
from typing import Protocol

REAP_SECONDS = 5.0
_LOOK_SECONDS = 0.05


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

    They get SIGTERM and `grace_seconds` to end by themselves; without grace, or after it, they are killed. One that
    waits in the kernel for a file system ends only when that answers, so the child is waited for `reap_seconds`; None:
    however long.
    """
    if child.returncode is not None:
        return True
    if grace_seconds and _signal(child, signal.SIGTERM):
        await _within(grace_seconds, _all_have_ended(child))
    _signal(child, signal.SIGKILL)  # even if the child has ended by now: what it has started may not have
    await _within(reap_seconds, child.wait())
    return child.returncode is not None


def _signal(child: EndableChild, number: int) -> bool:
    """Send a signal to all of the group; whether there is anyone in it whom we may end."""
    try:
        os.killpg(child.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


async def _all_have_ended(child: EndableChild) -> None:
    """A shell ends at once at SIGTERM, and what it was waiting for still has to cancel its job on a cluster."""
    await child.wait()
    while _signal(child, 0):  # noqa: ASYNC110 - nothing tells when a group is empty
        await asyncio.sleep(_LOOK_SECONDS)


async def _within(seconds: float | None, ending: Awaitable[object]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await ending
