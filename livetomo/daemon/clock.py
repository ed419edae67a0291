"""A clock that is set while the daemon runs, or that was wrong when something was recorded.

Machines boot in 2020 and are put right by NTP a minute later; or a person sets the clock. What was recorded by a wrong
clock is dated anew where that is noticed, and where it cannot be known nothing is removed by its age.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass

from livetomo.catalog.catalog import CatalogThread
from livetomo.core.units import spoken_seconds

LOOK_SECONDS = 5.0
SET_SECONDS = 60.0
JUMP_SECONDS = 3600.0
STANDS_SECONDS = 86400.0
QUIET_SECONDS = 7 * 86400.0
BACK_SECONDS = 300.0

log = logging.getLogger("livetomo.clock")


def steady() -> float:
    """Seconds that pass whatever the clock is set to, suspended machines included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(eq=False, repr=False)
class ClockWatch:
    """Notices when the clock is set, and has what was recorded since the daemon's start dated anew."""

    catalog: CatalogThread
    _: KW_ONLY
    wall: Callable[[], float] = time.time
    steady: Callable[[], float] = steady

    def __post_init__(self) -> None:
        self._start = self.wall()
        self._offset = self._start - self.steady()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> float:
        """Look once; by how many seconds the clock was set since the last look, 0 where it was not."""
        set_by = self.wall() - self.steady() - self._offset
        if abs(set_by) < SET_SECONDS:
            return 0.0
        since, until = self._start, self.wall() - set_by
        self._offset += set_by
        self._start += set_by
        way = "forward" if set_by > 0 else "back"
        log.warning(f"the clock was set {way} by {spoken_seconds(abs(set_by))}; records since then get corrected times")
        await self.catalog(lambda catalog: catalog.redate(set_by, since, until))
        return set_by


class Trust:
    """Whether the clock gives ages that are true, so that something may be removed for its age."""

    def __init__(self, steady: Callable[[], float] = steady) -> None:
        self._steady = steady
        self._began = steady()
        self._stands_since = self._began
        self._offset: float | None = None

    def doubt(self, now: float, newest: float) -> str:
        """Why nothing may be removed by its age at present, a sentence; empty where nothing speaks against it.

        now: what the clock says; newest: the latest time that was ever recorded, 0 for none. Seconds since 1970.
        """
        offset = now - self._steady()
        if self._offset is not None and abs(offset - self._offset) > JUMP_SECONDS:
            self._stands_since = self._steady()
        has_jumped = self._stands_since > self._began
        self._offset = offset
        stands = self._steady() - self._stands_since
        if now < newest - BACK_SECONDS:
            return f"the clock is {spoken_seconds(newest - now)} behind what was recorded. Is it set correctly?"
        if has_jumped and stands < STANDS_SECONDS:
            return "the clock was set lately. livetomo waits a day to see whether it stays so"
        if newest and now - newest > QUIET_SECONDS and stands < STANDS_SECONDS:
            quiet = spoken_seconds(now - newest)
            return f"by the clock nothing was recorded for {quiet}. livetomo waits a day to see whether it stays so"
        return ""
